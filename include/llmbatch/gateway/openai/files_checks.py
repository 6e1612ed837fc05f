"""What a new file must be, as far as OpenAI's API looks at it before a batch is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llmbatch.core.shown import shown
from llmbatch.gateway.openai.files import LONGEST_NAME
from llmbatch.gateway.openai.files_form import missing
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.wire.failures import Failure

HEAD_BYTES = 2**20
"""Of a file whose first line is longer, only the beginning of that line is looked at."""

_BOM = b"\xef\xbb\xbf"


class ExpiresAfter(BaseModel):
    """When a file expires: so many seconds after it was made."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3600, le=2_592_000)]


def expires_after_of(fields: Mapping[str, str]) -> ExpiresAfter | None:
    """Return what the bracketed fields of a form have, None without them. Raises ``Failure`` 400."""
    names = {name: f"expires_after[{name}]" for name in ("anchor", "seconds")}
    if not any(name in fields for name in names.values()):
        return None
    for name in names.values():
        if name not in fields:
            raise missing(name)
    try:
        return ExpiresAfter.model_validate({name: fields[full] for name, full in names.items()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = names[str(first["loc"][0])]
        value = shown(fields[name], 100)
        raise Failure(
            400, f"Invalid '{name}': {first['msg']}, but got '{value}' instead.", param=name, code="invalid_value"
        ) from None


def require_purpose(purpose: str | None) -> None:
    """Raise ``Failure`` 400 for a purpose that this server has no use for."""
    if purpose is None:
        raise missing("purpose")
    if purpose != "batch":
        raise Failure(
            400,
            f"Invalid value: '{shown(purpose, 100)}'. Supported values are: 'batch'.",
            param="purpose",
            code="invalid_value",
        )


def checked_name(filename: str) -> str:
    """Return the name of a file as it is kept, without characters that cannot be printed.

    A name without an extension is accepted, for SDKs send ``upload`` for bytes that have no name.

    Raises:
        Failure: 400 for an extension that is not that of JSON lines.
    """
    name = "".join(one if one.isprintable() else "_" for one in filename)[-LONGEST_NAME:] or "upload"
    if PurePosixPath(name).suffix.lower() not in ("", ".jsonl"):
        raise _wrong(f"the name of the file is '{name}'")
    return name


def require_lines(spool: Spool) -> None:
    """Raise ``Failure`` 400 unless the first line of a file that is not blank is a JSON object.

    All later lines are checked when a batch is made, where each bad one is reported with its number.
    """
    first, *rest = spool.head(HEAD_BYTES).removeprefix(_BOM).lstrip().split(b"\n", 1)
    if not first:
        raise _wrong("the file is empty")
    if not first.startswith(b"{"):
        raise _wrong("the first line is not a JSON object")
    if not rest and spool.size > HEAD_BYTES:
        return
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        raise _wrong("the first line is not parseable as JSON") from None


def _wrong(why: str) -> Failure:
    return Failure(400, f"Invalid file format for Batch API. Must be .jsonl: {why}.")
