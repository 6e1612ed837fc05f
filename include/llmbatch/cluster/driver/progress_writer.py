"""Writes heartbeats: progress.json, a line in the log now and then, and the trace of estimates."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pydantic import ValidationError

from llmbatch.cluster.driver.estimator import Estimator
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.versions import versions
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.patience import PATIENCE_SECONDS
from llmbatch.core.errors import StoreError
from llmbatch.core.progress import Progress
from llmbatch.core.stored import read_document

LINE_SECONDS = 10.0
"""Time between two progress lines in the job's log."""

TRACE_SECONDS = 30.0
"""Time between two writes of the trace."""

_log = logging.getLogger(__name__)


class ProgressWriter:
    """Writes the state of one generation whenever it is called. For one thread at a time.

    A failed write is repeated by the next call. Only when no write has succeeded for ``PATIENCE_SECONDS`` is the store
    given up (``store_lost``): finished shards wait for the store as long, so that no work is lost by waiting. The time
    counts from ``begin``, so that a store which accepts a request and never answers is given up as early.

    Args:
        job: whose objects are written.
        state: what is written.
        estimator: completes each heartbeat with its ETA.
        emit: receives the progress lines.
    """

    def __init__(self, job: JobContext, state: JobState, estimator: Estimator, emit: Callable[[str], None]) -> None:
        self._job, self._state, self._estimator, self._emit = job, state, estimator, emit
        self._sequence = self._last_sequence()
        self._failing_since: float | None = None
        self._next_line = 0.0
        self._next_trace = job.clock.monotonic() + TRACE_SECONDS

    @property
    def store_lost(self) -> bool:
        """Whether a write has been due for longer than ``PATIENCE_SECONDS``. May be read from any thread."""
        since = self._failing_since
        return since is not None and self._job.clock.monotonic() - since > PATIENCE_SECONDS

    def begin(self) -> None:
        """Note that the requests before the next write begin."""
        if self._failing_since is None:
            self._failing_since = self._job.clock.monotonic()

    def write(self) -> None:
        """Write a heartbeat. A store that fails is logged and remembered."""
        self.begin()
        now = self._job.clock.monotonic()
        progress = self._estimator.complete(self._state.progress(self._sequence + 1))
        progress = progress.model_copy(update={"versions": versions()})
        try:
            self._job.store.put(self._job.layout.progress, progress.model_dump_json().encode())
        except StoreError as error:
            _log.warning("event=heartbeat_unwritten job_id=%s error=%s", self._job.job_id, error)
        else:
            self._failing_since = None
            self._sequence = progress.sequence
            self._write_trace(progress, now)
        if progress.phase.is_terminal or now >= self._next_line:
            self._next_line = now + LINE_SECONDS
            self._emit(progress.line())

    def _write_trace(self, last: Progress, now: float) -> None:
        """Write the estimates so far, every half minute and at the end. A lost write costs only a score."""
        if not last.phase.is_terminal and now < self._next_trace:
            return
        self._next_trace = now + TRACE_SECONDS
        trace = self._estimator.trace(last)
        try:
            self._job.store.put(self._job.layout.trace(self._job.generation), trace.model_dump_json().encode())
        except StoreError as error:
            _log.warning("event=trace_unwritten job_id=%s error=%s", self._job.job_id, error)

    def _last_sequence(self) -> int:
        """Continue after the earlier generation's last heartbeat, so that readers always see the number rise."""
        try:
            return read_document(Progress, self._job.store.get(self._job.layout.progress)).sequence
        except (StoreError, ValidationError):
            return 0
