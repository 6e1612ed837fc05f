"""What was done to keep a job's deadline, as its records say, and when."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, JsonValue, TypeAdapter, ValidationError

from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore

MOST = 100
"""Records read of one job."""

_HELP = frozenset({"replicas", "pause", "max_tokens", "model"})
_OTHER_ANSWERS = frozenset({"max_tokens", "model"})
_RECORD: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])
_STAMP: TypeAdapter[AwareDatetime] = TypeAdapter(AwareDatetime)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReactionTaken:
    """One record as it was written, and when; None if neither it nor the store says."""

    at: datetime | None
    record: dict[str, JsonValue]

    @property
    def changes_answers(self) -> bool:
        """Whether answers after it are shorter or another model's."""
        return self.record.get("kind") in _OTHER_ANSWERS


def was_helped(records: Iterable[Mapping[str, JsonValue]]) -> bool:
    """Whether something was done for the job; that it was paused for another one is no help."""
    return any(record.get("kind") in _HELP for record in records)


def reactions_taken(store: ObjectStore, layout: JobLayout) -> tuple[ReactionTaken, ...]:
    """Return the first hundred records by key. An unreadable one is told in the log and left out.

    Raises:
        StoreError: the store failed.
    """
    found = []
    for _, info in zip(range(MOST), store.list(layout.reactions), strict=False):
        try:
            record = _RECORD.validate_json(store.get(info.uri))
            at = _STAMP.validate_python(record["at"]) if "at" in record else info.modified
        except ValidationError:
            _LOG.warning("unreadable reaction=%s; it is not counted", info.uri)
        else:
            found.append(ReactionTaken(at, record))
    return tuple(found)
