"""A job's heartbeat as its readers use it: with ``written_at`` on the reader's own clock.

The clocks of two machines are not compared. A reader that reads again and again measures the age of a heartbeat on its
monotonic clock, from the moment at which it saw the (generation, sequence) change (``Pulse``). The first heartbeat that
a reader sees has the age that the store reports: its time of the request minus its time of the last write. A reader
that reads once has only that one (``read_heartbeat``). With ``written_at`` set back by this age from the reader's time,
every rule about age, ETA and deadline uses one clock: that of the reader, which is also that of the deadline.

A writer's clock that differs by more than ``SKEW_SECONDS`` is reported, because rows expire by the writer's clock.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document

SKEW_SECONDS = 60.0
"""Difference between the clocks of writer and reader from which it is reported."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heartbeat:
    """A heartbeat as it is stored. ``age`` is in seconds by the store's clock; None: the store does not report it."""

    progress: Progress
    age: float | None

    def dated(self, now: datetime, age: float) -> Progress:
        """Return the heartbeat as one that was written ``age`` seconds before ``now``."""
        return self.progress.model_copy(update={"written_at": now - timedelta(seconds=age)})

    def skew(self, now: datetime, age: float) -> float:
        """Return by how many seconds the writer's clock is ahead of ``now``; negative if it is behind."""
        return age - self.progress.age(now)


def fetch_heartbeat(store: ObjectStore, layout: JobLayout) -> Heartbeat | None:
    """Return the last heartbeat of a job, None before the first.

    Raises:
        StoreError: the store failed.
        ValidationError: the object is not a heartbeat.
    """
    try:
        found = store.get_aged(layout.progress)
    except ObjectMissing:
        return None
    return Heartbeat(read_document(Progress, found.body), found.age)


def read_heartbeat(store: ObjectStore, layout: JobLayout, now: datetime) -> Progress | None:
    """Return the last heartbeat of a job for a reader that reads once, None before the first.

    Args:
        store: the store that holds the job.
        layout: the job's folder.
        now: the reader's time, to which ``written_at`` of the result refers.

    Raises:
        StoreError: the store failed.
        ValidationError: the object is not a heartbeat.
    """
    beat = fetch_heartbeat(store, layout)
    if beat is None or beat.age is None:
        return None if beat is None else beat.progress
    skew = beat.skew(now, beat.age)
    if abs(skew) > SKEW_SECONDS:
        _report(_log, beat.progress.job_id, skew)
    return beat.dated(now, beat.age)


class Pulse:
    """Dates the heartbeats of one job for a reader that reads again and again. For one thread.

    Args:
        clock: the reader's.
        log: where a skew is reported, once until the clocks agree again.
    """

    def __init__(self, clock: Clock, log: logging.Logger = _log) -> None:
        self._clock, self._log = clock, log
        self._mark: tuple[int, int] | None = None
        self._began = self._read_at = 0.0
        self._is_skewed = False

    def date(self, beat: Heartbeat) -> Progress:
        """Return the heartbeat with its time on the reader's clock."""
        now, time = self._clock.monotonic(), self._clock.now()
        mark = (beat.progress.generation, beat.progress.sequence)
        if mark != self._mark:
            age = beat.progress.age(time) if beat.age is None else beat.age
            # It was written between two reads, whatever the clocks of store and writer say.
            self._began = now - (age if self._mark is None else min(max(0.0, age), now - self._read_at))
            self._mark = mark
            self._look_at_skew(beat, time, now - self._began)
        self._read_at = now
        return beat.dated(time, now - self._began)

    def _look_at_skew(self, beat: Heartbeat, time: datetime, age: float) -> None:
        skew = beat.skew(time, age)
        was_skewed, self._is_skewed = self._is_skewed, abs(skew) > SKEW_SECONDS
        if self._is_skewed and not was_skewed:
            _report(self._log, beat.progress.job_id, skew)


def _report(log: logging.Logger, job_id: str, skew: float) -> None:
    log.warning(
        "event=clock_skew job_id=%s driver_ahead_s=%.0f; alerts go by this machine's clock, but rows expire by that of "
        "the Ray driver: synchronize the clocks",
        job_id,
        skew,
    )
