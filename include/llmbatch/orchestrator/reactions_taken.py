"""What was done to keep a job's deadline, as its records say, and when."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue, TypeAdapter, ValidationError

from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore

MOST = 100
"""Records read of one job."""

_RECORD: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReactionTaken:
    """One record as it was written, and the store's time of that."""

    at: datetime | None
    record: dict[str, JsonValue]


def reactions_taken(store: ObjectStore, layout: JobLayout) -> tuple[ReactionTaken, ...]:
    """Return the first hundred records by key. An unreadable one is told in the log and left out.

    Raises:
        StoreError: the store failed.
    """
    found = []
    for _, info in zip(range(MOST), store.list(layout.reactions), strict=False):
        try:
            found.append(ReactionTaken(info.modified, _RECORD.validate_json(store.get(info.uri))))
        except ValidationError:
            _LOG.warning("unreadable reaction=%s; it is not counted", info.uri)
    return tuple(found)
