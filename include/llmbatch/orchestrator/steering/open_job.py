"""Jobs that a shutdown of the service drains, and that its resume continues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from llmbatch.core.claims import last_claim
from llmbatch.core.clock import Clock
from llmbatch.core.control import Control
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.heartbeat import read_heartbeat
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import is_published
from llmbatch.core.progress import Progress
from llmbatch.core.states import DesiredState, Phase
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.steering.control import change_control, read_control


@dataclass(frozen=True)
class OpenJob:
    """An accepted job without a manifest.

    Attributes:
        progress: its last heartbeat; None before the first.
        control: the control object.
        requested: what it requests of the generation that runs.
    """

    layout: JobLayout
    progress: Progress | None
    control: Control
    requested: DesiredState

    @property
    def rows_remaining(self) -> int | None:
        """Rows without an outcome; None before the first heartbeat."""
        return None if self.progress is None else max(0, self.progress.rows.total - self.progress.rows.ended)

    @property
    def is_stopped_by_user(self) -> bool:
        """Whether a user's request stops it, which a resume of the service leaves in force."""
        return self.requested is not DesiredState.RUN and not self.control.shutdown

    @property
    def may_continue(self) -> bool:
        """Whether its run, once over, has ended because of a drain or before it began."""
        return self.progress is None or self.progress.phase is Phase.DRAINED or not self.progress.phase.is_terminal

    @property
    def runs_again(self) -> bool:
        """Whether a heartbeat shows that it runs since the control object was written."""
        beat, asked = self.progress, self.control.written_at
        return beat is not None and not beat.phase.is_terminal and (asked is None or beat.written_at > asked)


def open_job(layout: JobLayout, store: ObjectStore, now: datetime) -> OpenJob | None:
    """Return a job that is accepted and not published, else None. Costs five requests.

    Raises:
        StoreError: the store failed.
    """
    try:
        store.head(layout.spec)
    except ObjectMissing:
        return None
    if is_published(layout, store):
        return None
    control, _ = read_control(store, layout)
    try:
        progress = read_heartbeat(store, layout, now)
    except ValidationError:
        progress = None
    return OpenJob(layout, progress, control, control.asks_of(last_claim(store, layout)))


def drain_until_resume(layout: JobLayout, *, reason: str, by: str, store: ObjectStore, clock: Clock) -> None:
    """Drain a job and all its later generations until ``end_drain``. A user's drain or cancel stays as it is.

    Raises:
        RequestError: the job was removed.
        StoreError: the store failed.
    """

    def drained(old: Control) -> Control:
        if old.asks_of(last_claim(store, layout)) is not DesiredState.RUN:
            return old
        origin = {"reason": reason, "written_by": by, "written_at": clock.now()}
        return old.model_copy(update={"desired": DesiredState.DRAIN, "generation": None, "shutdown": True, **origin})

    change_control(layout, drained, store=store)


def end_drain(layout: JobLayout, *, by: str, store: ObjectStore, clock: Clock) -> Control:
    """Let a job run that ``drain_until_resume`` drained. Any other request stays. Raises as that does."""

    def ended(old: Control) -> Control:
        if not old.shutdown:
            return old
        run = {"desired": DesiredState.RUN, "generation": None, "shutdown": False}
        origin = {"reason": "the service admits jobs again", "written_by": by, "written_at": clock.now()}
        return old.model_copy(update={**run, **origin})

    return change_control(layout, ended, store=store).after
