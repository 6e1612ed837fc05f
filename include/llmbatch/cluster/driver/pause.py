"""Whether a pause still holds: one that another job requested ends with that job."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.control import Control
from llmbatch.core.errors import StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import is_published
from llmbatch.core.progress import Progress
from llmbatch.core.staleness import NOT_RUNNING_SECONDS
from llmbatch.core.stored import read_document

LOOK_SECONDS = 10.0
"""Time between two looks at the pausing job."""

SILENT_SECONDS = NOT_RUNNING_SECONDS
"""A pausing job whose heartbeat has not changed for so long is over. Measured on this process's monotonic clock."""

_log = logging.getLogger(__name__)


class Pause:
    """Watches the job that requested the pause, so that no job stays paused for ever.

    A user's pause holds until a user resumes the job. A job's pause holds while that job lives: until it has a
    manifest, its heartbeat reports that its generation has ended, or its heartbeat stays the same for five minutes. If
    a later generation of it starts and the pause was not withdrawn, the pause holds again. It ends for ever with that
    job's deadline (``paused_until``, by this process's clock).
    """

    def __init__(self, job: JobContext) -> None:
        self._job_id, self._store, self._clock = job.job_id, job.store, job.clock
        self._next_look = 0.0
        self._mark: tuple[int, int] | None = None
        self._changed_at = job.clock.monotonic()
        self._watched: str | None = None
        self._alive = True

    def holds(self, control: Control) -> bool:
        """Whether the job is paused now. Costs one or two store requests every ten seconds if another job paused it."""
        if not control.is_paused(self._clock.now()):
            self._watched = None
            return False
        if control.paused_by is None:
            return True
        now = self._clock.monotonic()
        if control.paused_by != self._watched:
            self._watched, self._alive, self._mark, self._changed_at = control.paused_by, True, None, now
            self._next_look = now
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._alive = self._look(JobLayout(control.paused_by), now)
        return self._alive

    def _look(self, pauser: JobLayout, now: float) -> bool:
        try:
            if is_published(pauser, self._store):
                return False
        except StoreError as error:
            _log.warning("event=pauser_unread job_id=%s pauser=%s error=%s", self._job_id, pauser.root, error)
            return self._alive
        try:
            progress = read_document(Progress, self._store.get(pauser.progress))
        except (StoreError, ValidationError) as error:
            name = type(error).__name__
            _log.warning("event=pauser_unread job_id=%s pauser=%s error=%s", self._job_id, pauser.root, name)
        else:
            if progress.phase.is_terminal:
                return False
            mark = (progress.generation, progress.sequence)
            if mark != self._mark:
                self._mark, self._changed_at = mark, now
        return now - self._changed_at < SILENT_SECONDS
