"""Some failed rows of each class of errors, from the committed shards of a job that runs or its dead letters."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.shown import shown
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.gateway.pages.job.stored_rows import Row, TooLarge, cut, rows_of

MOST_SAMPLES = 5
"""Rows of one class."""
MOST_SHARDS = 16
"""Shards that are read, the newest first."""
MOST_ROWS = 5000
"""Rows that are looked at."""

_LISTED = 1000
_ID_CHARS = 200
_COLUMNS = ("custom_id", "line", "error_class", "error")
_EARLY = datetime.min.replace(tzinfo=UTC)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """One failed row. ``message`` and ``custom_id`` are cut, and hold whatever the input and the model wrote."""

    error_class: str
    custom_id: str | None
    line: int
    message: str


def samples_of(spec: JobSpec, store: ObjectStore, *, is_delivered: bool) -> tuple[Sample, ...]:
    """Return up to ``MOST_SAMPLES`` rows of each class, of the shards that were written last. Blocks.

    Raises:
        StoreError: the store failed.
    """
    folder = spec.layout.failed if is_delivered else spec.layout.results
    listed = [info for info in islice(store.list(folder), _LISTED) if JobLayout.shard_of(info.uri)]
    newest = sorted(listed, key=lambda info: info.modified or _EARLY, reverse=True)[:MOST_SHARDS]
    found: list[Sample] = []
    counts: Counter[str] = Counter()
    rows = islice((row for info in newest for row in _readable(info, store)), MOST_ROWS)
    for row in rows:
        name = row["error_class"]
        if not isinstance(name, str) or counts[name] >= MOST_SAMPLES:
            continue
        counts[name] += 1
        found.append(_sample(name, row))
        if len(counts) == len(ErrorClass) and min(counts.values()) >= MOST_SAMPLES:
            break
    return tuple(found)


def _readable(info: ObjectInfo, store: ObjectStore) -> Iterator[Row]:
    """Yield the rows of a shard; what cannot be read, or is too large, is left out of a sample."""
    import pyarrow as pa

    try:
        yield from rows_of(info, _COLUMNS, store)
    except (TooLarge, pa.ArrowException, OSError) as error:
        _log.info("event=sample_left_out uri=%s error=%s", shown(info.uri), shown(type(error).__name__))


def _sample(name: str, row: Row) -> Sample:
    custom_id, line = row["custom_id"], row["line"]
    return Sample(
        error_class=name,
        custom_id=cut(custom_id, _ID_CHARS) if isinstance(custom_id, str) else None,
        line=line if isinstance(line, int) else 0,
        message=cut(str(row["error"] or "")),
    )
