"""Uploaded files of the OpenAI API: one document and one content object each, in the folder of their owner.

The content is written first and the document last, so a file that can be seen is complete. A content without a document
is the remains of an interrupted upload or deletion, and no route shows it.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from llmbatch.core.gateway_layout import files_uri
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.gateway.wire.failures import Failure

LONGEST_NAME = 255
"""Characters of a file name."""

_FILE_ID = re.compile(r"file-[0-9a-f]{24}", re.ASCII)


class StoredFile(BaseModel):
    """The document of one file. Times are Unix seconds, as in OpenAI's API; the size is in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    id: Annotated[str, Field(pattern=rf"^{_FILE_ID.pattern}$")]
    filename: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    """As the client sent it, without characters that cannot be printed; no key is made of it."""
    purpose: Literal["batch"]
    bytes: Annotated[int, Field(ge=0)]
    created_at: Annotated[int, Field(ge=0)]
    expires_at: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    etag: str
    """Of the content object."""


def new_file_id(now: datetime) -> str:
    """Return ``file-``, 12 hex digits of the milliseconds since 1970, 12 random ones: ids sort by their time."""
    return f"file-{int(now.timestamp() * 1000):012x}{secrets.token_hex(6)}"


def made_at_ms(file_id: str) -> int:
    """Return the milliseconds since 1970 that the id of an uploaded file holds."""
    return int(file_id.removeprefix("file-")[:12], 16)


def is_file_id(text: str) -> bool:
    """Whether a text has the form of the id of an uploaded file."""
    return _FILE_ID.fullmatch(text) is not None


def documents_uri(base: str, owner: str) -> str:
    """Return the prefix of the documents of a user's files; only they have it."""
    return f"{files_uri(base, owner)}file-"


def document_uri(base: str, owner: str, file_id: str) -> str:
    """Return the address of a file's document."""
    return f"{files_uri(base, owner)}{file_id}.json"


def content_uri(base: str, owner: str, file_id: str) -> str:
    """Return the address of a file's content; the readers of input know its extension."""
    return f"{files_uri(base, owner)}content/{file_id}.jsonl"


def owned_file(store: ObjectStore, base: str, owner: str, file_id: str, now: datetime) -> StoredFile:
    """Return a file of a user.

    Args:
        store: where the files are.
        base: ``store.base_uri`` of config.yaml.
        owner: the user.
        file_id: id as a client sent it.
        now: the time; a file that has expired by then is unknown.

    Raises:
        Failure: 404 for a file that is unknown, deleted, expired, or another user's.
        StoreError: the store failed.
    """
    if not is_file_id(file_id):
        raise unknown_file(file_id)
    found = read_if_readable(StoredFile, document_uri(base, owner, file_id), store)
    if found is None or found.id != file_id or found.expires_at <= now.timestamp():
        raise unknown_file(file_id)
    return found


def unknown_file(file_id: str) -> Failure:
    """Return the answer for a file that does not exist for the caller, in OpenAI's words."""
    return Failure(404, f"No such File object: {shown(file_id, 100)}", param="id")
