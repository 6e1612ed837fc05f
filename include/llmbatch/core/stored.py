"""Documents in the store that another process has written, perhaps with another version of this program.

Old and new versions meet in one folder while a deployment is upgraded. So writers are strict (the models forbid
unknown fields, and a misspelt one is an error), and readers ignore the fields that they do not know. ``spec.json`` is
parsed strictly wherever it decides what is run, where it is read and where the results go.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore

Document = TypeVar("Document", bound=BaseModel)

_log = logging.getLogger(__name__)


def read_document(model: type[Document], body: bytes) -> Document:
    """Return a stored document. Fields that this version does not know are ignored, also in nested models.

    Raises:
        ValidationError: a field that this version needs is missing or has a value that it does not know.
    """
    return model.model_validate_json(body, extra="ignore")


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
        report_unreadable(uri, error.error_count())
        return None


@lru_cache(maxsize=1024)
def report_unreadable(uri: str, problems: int) -> None:
    """Log that a document is skipped, once in this process: some are read every few seconds."""
    _log.warning("event=object_unreadable uri=%s problems=%d; it is skipped", shown(uri), problems)
