"""Documents in the store that another process has written, perhaps with another version of this program.

Old and new versions meet in one folder while a deployment is upgraded (ADR 21). So writers are strict (the models
forbid unknown fields, and a misspelt one is an error), and readers ignore the fields that they do not know. A document
whose format is later than the one that its reader knows (``schema_version``) is refused, for its fields may mean
something else. ``spec.json`` is parsed strictly wherever it decides what is run, where it is read and where the results
go.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.version import VERSION

Document = TypeVar("Document", bound=BaseModel)

FORMAT = "schema_version"
"""The field with the number of a document's format; its default is the one that this version writes."""

LATER_FORMAT = "later_format"
"""Type of the error of a document of a later format."""

_log = logging.getLogger(__name__)


class Origin(BaseModel):
    """The fields that tell by what a document was written; they never change."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_version: int = 1
    versions: dict[str, str] = {}

    @property
    def llmbatch(self) -> str:
        """Version of llmbatch; empty: the document does not say."""
        return self.versions.get("llmbatch", "")


def origin_of(body: bytes) -> Origin:
    """Return by what a document was written; nothing is known of what is no document."""
    try:
        return Origin.model_validate_json(body)
    except ValidationError:
        return Origin()


def read_document(model: type[Document], body: bytes) -> Document:
    """Return a stored document. Fields that this version does not know are ignored, also in nested models.

    A model without a format number reads the few fields that never change.

    Raises:
        ValidationError: a field that this version needs is missing or has a value that it does not know, or the
            document has a later format; see ``is_later``.
    """
    try:
        document = model.model_validate_json(body, extra="ignore")
    except ValidationError:
        require_format(model, body)  # the reason, if it is later
        raise
    if getattr(document, FORMAT, 0) > _format_of(model):
        require_format(model, body)
    return document


def require_format(model: type[BaseModel], body: bytes) -> None:
    """Make sure that a document is of a format that this version reads.

    Raises:
        ValidationError: it is later; the message names both versions and what to do.
    """
    origin, known = origin_of(body), _format_of(model)
    if FORMAT not in model.model_fields or origin.schema_version <= known:
        return
    text = (
        "format {found}, which {writer} wrote, is later than {known}, the last one that llmbatch {reader} reads. "
        "Upgrade llmbatch here; leave the object as it is"
    )
    writer = f"llmbatch {shown(origin.llmbatch)}" if origin.llmbatch else "a later llmbatch"
    why = PydanticCustomError(
        LATER_FORMAT, text, {"found": origin.schema_version, "writer": writer, "known": known, "reader": VERSION}
    )
    details = InitErrorDetails(type=why, loc=(FORMAT,), input=origin.schema_version)
    raise ValidationError.from_exception_data(model.__name__, [details])


def is_later(error: ValidationError) -> bool:
    """Whether the document cannot be read because its format is later."""
    return any(each["type"] == LATER_FORMAT for each in error.errors())


def reason_of(error: ValidationError) -> str:
    """Return why a document cannot be read, in one line: its first problem, and how many there are."""
    first = error.errors(include_url=False, include_input=False)[0]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    where = f"{'.'.join(map(str, first['loc']))}: " if first["loc"] else ""
    return f"{where}{first['msg']}{more}"


def unknown_fields(model: type[BaseModel], body: bytes) -> tuple[str, ...]:
    """Return the fields of a readable document that ``read_document`` ignores, such as ``replicas.most``."""
    try:
        model.model_validate_json(body)
    except ValidationError as error:
        return tuple(".".join(map(str, each["loc"])) for each in error.errors() if each["type"] == "extra_forbidden")
    return ()


def read_if_readable(model: type[Document], uri: str, store: ObjectStore) -> Document | None:
    """Return one stored document of many; None if it was removed or cannot be read, which must not cost the others.

    Raises:
        StoreError: the store failed.
    """
    try:
        return read_document(model, store.get(uri))
    except ObjectMissing:
        return None
    except ValidationError as error:
        report_unreadable(uri, error.error_count(), reason_of(error) if is_later(error) else "")
        return None


@lru_cache(maxsize=1024)
def report_unreadable(uri: str, problems: int, reason: str = "") -> None:
    """Log that a document is skipped, once in this process: some are read every few seconds."""
    why = f" reason={reason}" if reason else ""
    _log.warning("event=object_unreadable uri=%s problems=%d%s; it is skipped", shown(uri), problems, why)


def _format_of(model: type[BaseModel]) -> int:
    field = model.model_fields.get(FORMAT)
    return 0 if field is None else int(field.default)
