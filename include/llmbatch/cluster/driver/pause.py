"""Whether a pause still holds: one that another job asked for ends with that job."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from llmbatch.core.clock import Clock
from llmbatch.core.control import Control
from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.staleness import NOT_RUNNING_SECONDS
from llmbatch.core.store import ObjectStore

LOOK_SECONDS = 10.0
SILENT_SECONDS = NOT_RUNNING_SECONDS
"""A pausing job whose heartbeat has not changed for so long is over, however it ended. Our clock alone counts."""

_log = logging.getLogger(__name__)


class Pause:
    """Looks after the job that asked for the pause, so that no job stays paused for ever.

    A person's pause holds until somebody takes it back. A job's pause holds while that job lives: until it has a
    manifest, its heartbeat says that its generation has ended, or its heartbeat stays the same for five minutes. Should
    it then live again (a later generation) and have taken nothing back, the pause holds again.
    """

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._next_look = 0.0
        self._sequence = -1
        self._changed_at = clock.monotonic()
        self._watched: str | None = None
        self._alive = True

    def holds(self, control: Control) -> bool:
        """Whether the job is to rest now. One or two requests every ten seconds if another job asked for it."""
        if not control.paused:
            self._watched = None
            return False
        if control.paused_by is None:
            return True
        now = self._clock.monotonic()
        if control.paused_by != self._watched:
            self._watched, self._alive, self._sequence, self._changed_at = control.paused_by, True, -1, now
            self._next_look = now
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._alive = self._look(JobLayout(control.paused_by), now)
        return self._alive

    def _look(self, pauser: JobLayout, now: float) -> bool:
        try:
            self._store.head(pauser.manifest)
        except ObjectMissing:
            pass
        except StoreError as error:
            _log.warning("event=pauser_unread job=%s error=%s", pauser.root, error)
            return self._alive
        else:
            return False
        try:
            progress = Progress.model_validate_json(self._store.get(pauser.progress))
        except (StoreError, ValidationError) as error:
            _log.warning("event=pauser_unread job=%s error=%s", pauser.root, type(error).__name__)
        else:
            if progress.phase.is_terminal:
                return False
            if progress.sequence != self._sequence:
                self._sequence, self._changed_at = progress.sequence, now
        return now - self._changed_at < SILENT_SECONDS
