"""The driver's heartbeat: reads control, exchanges with the scoreboard, writes progress."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pydantic import ValidationError

from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.orders import JobOrders
from llmbatch.cluster.driver.progress_writer import ProgressWriter
from llmbatch.cluster.exchange.replica_report import Orders
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.claims import require_latest
from llmbatch.core.control import Control
from llmbatch.core.errors import ObjectMissing, StoreError, Superseded
from llmbatch.core.states import ExitReason
from llmbatch.core.stored import read_document, unknown_fields

FENCE_SECONDS = 10.0
"""Time between two checks for a later generation. Every commit checks too."""

Exchange = Callable[[Orders, str, int], Snapshot | None]
"""Sends the orders to the scoreboard and returns its fold; None when it does not answer."""

_log = logging.getLogger(__name__)


class Heartbeat:
    """Beats every few seconds on its own thread; ``beat`` may also be called directly.

    Args:
        job: the generation that runs.
        state: receives what replicas report.
        orders: receives the control object; its fold is sent to the replicas.
        writer: writes ``state`` at each beat.
        seconds: time between two beats.
    """

    def __init__(
        self, job: JobContext, state: JobState, orders: JobOrders, writer: ProgressWriter, seconds: float
    ) -> None:
        self._job, self._state, self._orders, self._writer = job, state, orders, writer
        self._seconds = seconds
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._exchange: Exchange | None = None
        self._epoch, self._known = "", 0
        self._next_fence = 0.0
        self._unknown: tuple[str, ...] = ()
        self.superseded: Superseded | None = None

    @property
    def store_lost(self) -> bool:
        """Whether the store has failed for so long that the job must end."""
        return self._writer.store_lost

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def connect(self, exchange: Exchange) -> None:
        """Exchange with this scoreboard from the next beat on."""
        self._exchange = exchange

    def beat(self) -> None:
        """Read control, exchange with the scoreboard, write progress."""
        if self.superseded is None:
            self._writer.begin()
        self.read_control()
        self._check_fence()
        snapshot = self._exchange(self._orders.now.replicas, self._epoch, self._known) if self._exchange else None
        with self._lock:
            if snapshot is not None:
                self._epoch, self._known = snapshot.epoch, snapshot.known
                self._state.take(snapshot)
            self._write()

    def finish(self, reason: ExitReason, message: str) -> None:
        """Stop beating and write the last progress, if the store allows.

        Nothing is written to a store that is given up: every request may wait for its time limit.
        """
        self._stop.set()
        if self.store_lost:
            return
        if self._thread.is_alive():
            self._thread.join(timeout=15)
        with self._lock:
            self._state.end(reason, message)
            if reason is not ExitReason.SUPERSEDED:
                self._write()

    def _run(self) -> None:
        clock = self._job.clock
        while not self._stop.is_set():
            began = clock.monotonic()
            try:
                self.beat()
            except Exception:  # a bug in one beat must not end the heartbeat: without it the job counts as stalled
                _log.exception("event=beat_failed job_id=%s", self._job.job_id)
            self._stop.wait(max(0.05, self._seconds - (clock.monotonic() - began)))

    def read_control(self) -> None:
        """Read the control object; the last one stays in force if it cannot be read."""
        try:
            body = self._job.store.get(self._job.layout.control)
            control = read_document(Control, body)
        except ObjectMissing:
            control = Control()
        except StoreError as error:
            _log.warning("event=control_unread job_id=%s error=%s", self._job.job_id, error)
            return
        except ValidationError as error:
            kept = self._orders.control.asks_of(self._job.generation)
            _log.warning(
                "event=control_invalid job_id=%s problems=%d kept=%s", self._job.job_id, error.error_count(), kept.value
            )
            return
        else:
            unknown = unknown_fields(Control, body)
            if unknown and unknown != self._unknown:
                fields = ",".join(unknown)
                _log.warning("event=control_unknown job_id=%s fields=%s", self._job.job_id, fields)
            self._unknown = unknown
        self._orders.control = control

    def _check_fence(self) -> None:
        job = self._job
        if job.clock.monotonic() < self._next_fence:
            return
        self._next_fence = job.clock.monotonic() + FENCE_SECONDS
        try:
            require_latest(job.store, job.layout, job.job_id, job.generation)
        except Superseded as error:
            self.superseded = error
        except StoreError as error:
            _log.warning("event=fence_unread job_id=%s error=%s", job.job_id, error)

    def _write(self) -> None:
        if self.superseded is None:  # otherwise progress.json belongs to the later generation
            self._writer.write()
