"""The driver's pulse: reads control, asks the scoreboard, writes progress."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pydantic import ValidationError

from llmbatch.cluster.driver.estimator import Estimator
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.exchange.replica_report import Orders
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.cluster.storage.patience import PATIENCE_SECONDS
from llmbatch.core.claims import require_latest
from llmbatch.core.clock import Clock
from llmbatch.core.control import Control
from llmbatch.core.errors import ObjectMissing, StoreError, Superseded
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.states import DesiredState, ExitReason, Phase
from llmbatch.core.store import ObjectStore

LINE_SECONDS = 10.0
TRACE_SECONDS = 30.0

FENCE_SECONDS = 10.0
"""How often to look for a later generation. Every commit looks too."""

AskScoreboard = Callable[[Orders, str, int], Snapshot | None]
"""Tell the orders, get the fold; None when the scoreboard did not answer."""

_ORDER = (DesiredState.RUN, DesiredState.DRAIN, DesiredState.CANCEL)
_log = logging.getLogger(__name__)


class Heartbeat:
    """Beats every few seconds on its own thread; ``beat`` can be called directly in tests.

    A failed write is repeated at the next beat. Only when writes have failed for five minutes is the store given up
    (``store_lost``): finished shards wait for the store as long, so nothing is lost by waiting.
    """

    def __init__(
        self,
        *,
        store: ObjectStore,
        layout: JobLayout,
        state: JobState,
        estimator: Estimator,
        generation: int,
        seconds: float,
        clock: Clock,
        emit: Callable[[str], None],
    ) -> None:
        self._store, self._layout, self._state, self._clock, self._emit = store, layout, state, clock, emit
        self._estimator, self._generation = estimator, generation
        self._seconds = seconds
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._ask: AskScoreboard | None = None
        self._sequence = self._last_sequence()
        self._failing_since: float | None = None
        self._next_line = self._next_fence = 0.0
        self._next_trace = clock.monotonic() + TRACE_SECONDS
        self._controlled = DesiredState.RUN
        self._floor = self._held = DesiredState.RUN
        self.control = Control()
        self._epoch, self._known = "", 0
        self.reason = ""
        self.superseded: Superseded | None = None

    @property
    def desired(self) -> DesiredState:
        """What is asked of the job: by the control object or by this process (a signal), the stronger of the two."""
        return max(self._controlled, self._floor, key=_ORDER.index)

    @property
    def orders(self) -> Orders:
        """What the replicas are told."""
        return Orders(max(self.desired, self._held, key=_ORDER.index), self.control.max_tokens)

    @property
    def store_lost(self) -> bool:
        """Whether the store has failed for longer than anybody should wait."""
        since = self._failing_since
        return since is not None and self._clock.monotonic() - since > PATIENCE_SECONDS

    @property
    def snapshot(self) -> Snapshot:
        """The replicas' last fold."""
        return self._state.snapshot

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def connect(self, ask: AskScoreboard) -> None:
        """Ask this scoreboard from the next beat on."""
        self._ask = ask

    def enter(self, phase: Phase) -> None:
        """Begin a phase."""
        with self._lock:
            self._state.enter(phase)

    def demand(self, desired: DesiredState, reason: str) -> None:
        """Ask at least this of the job, whatever the control object says."""
        self._floor = max(self._floor, desired, key=_ORDER.index)
        self.reason = self.reason or reason

    def hold(self, desired: DesiredState) -> None:
        """Ask at least this of the replicas of the stream that runs, though the job goes on; RUN takes it back."""
        self._held = desired

    def beat(self) -> None:
        """Read control, exchange with the scoreboard, write progress."""
        self._read_control()
        self._check_fence()
        snapshot = self._ask(self.orders, self._epoch, self._known) if self._ask else None
        with self._lock:
            if snapshot is not None:
                self._epoch, self._known = snapshot.epoch, snapshot.known
                self._state.take(snapshot)
            self._write()

    def finish(self, reason: ExitReason, message: str) -> None:
        """Stop beating and write the last progress, if the store allows."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)
        with self._lock:
            self._state.end(reason, message)
            self._next_line = 0.0
            if reason is not ExitReason.SUPERSEDED:
                self._write()

    def _run(self) -> None:
        while not self._stop.is_set():
            began = self._clock.monotonic()
            try:
                self.beat()
            except Exception:  # the pulse must outlive a bug in it: without it the job counts as stalled
                _log.exception("event=beat_failed")
            self._stop.wait(max(0.05, self._seconds - (self._clock.monotonic() - began)))

    def _read_control(self) -> None:
        try:
            control = Control.model_validate_json(self._store.get(self._layout.control))
        except ObjectMissing:
            control = Control()
        except StoreError as error:
            _log.warning("event=control_unread error=%s", error)
            return
        except ValidationError as error:
            _log.warning("event=control_invalid problems=%d kept=%s", error.error_count(), self._controlled.value)
            return
        self.control = control
        self._controlled = control.asks_of(self._generation)
        if self._controlled is not DesiredState.RUN:
            self.reason = self.reason or control.reason

    def _check_fence(self) -> None:
        if self._clock.monotonic() < self._next_fence:
            return
        self._next_fence = self._clock.monotonic() + FENCE_SECONDS
        try:
            require_latest(self._store, self._layout, self._state.job_id, self._generation)
        except Superseded as error:
            self.superseded = error
        except StoreError as error:
            _log.warning("event=fence_unread error=%s", error)

    def _write(self) -> None:
        if self.superseded is not None:
            return  # progress.json belongs to the later generation now
        progress = self._estimator.complete(self._state.progress(self._sequence + 1))
        try:
            self._store.put(self._layout.progress, progress.model_dump_json().encode())
        except StoreError as error:
            if self._failing_since is None:
                self._failing_since = self._clock.monotonic()
            _log.warning("job_id=%s event=heartbeat_unwritten error=%s", progress.job_id, error)
        else:
            self._failing_since = None
            self._sequence = progress.sequence
            self._write_trace(progress)
        if self._clock.monotonic() >= self._next_line:
            self._next_line = self._clock.monotonic() + LINE_SECONDS
            self._emit(progress.line())

    def _write_trace(self, last: Progress) -> None:
        """Keep the estimates, now and then and at the end. They are for the score: no harm if a write is lost."""
        if not last.phase.is_terminal and self._clock.monotonic() < self._next_trace:
            return
        self._next_trace = self._clock.monotonic() + TRACE_SECONDS
        trace = self._estimator.trace(last)
        try:
            self._store.put(self._layout.trace(self._generation), trace.model_dump_json().encode())
        except StoreError as error:
            _log.warning("job_id=%s event=trace_unwritten error=%s", last.job_id, error)

    def _last_sequence(self) -> int:
        """Go on from the former generation's last heartbeat, so that readers always see the number rise."""
        try:
            return Progress.model_validate_json(self._store.get(self._layout.progress)).sequence
        except (StoreError, ValidationError):
            return 0
