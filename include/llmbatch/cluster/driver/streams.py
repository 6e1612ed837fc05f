"""The streams of one generation: one after the other, a new one after a pause or with another model."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.pause import Pause
from llmbatch.cluster.driver.stop import Stop, Stopping
from llmbatch.cluster.models.resolve import ResolvedModel
from llmbatch.cluster.replica.replica_actor import ReplicaPlan
from llmbatch.core.clock import Clock
from llmbatch.core.control import ReplicaBounds
from llmbatch.core.errors import ModelError, StoreError
from llmbatch.core.shards import StagedShard
from llmbatch.core.states import DesiredState, ExitReason

TICK_SECONDS = 0.2
END_SECONDS = 60.0
"""How long a stream may take to end after it was told to."""

_log = logging.getLogger(__name__)


class Stream(Protocol):
    """One pool of replicas and the shards that it works on; see ``ShardStream``."""

    ended: threading.Event
    error: BaseException | None

    def start(self) -> None:
        """Begin, on a thread of its own."""

    def resize(self, bounds: ReplicaBounds) -> None:
        """Let the pool grow or shrink."""

    def end(self) -> None:
        """End the replicas, whatever they do."""


@dataclass(frozen=True)
class Course:
    """Why there are no more streams: asked to stop, too late, an error, or (nothing of these) all shards were tried."""

    stop: Stop | None = None
    is_late: bool = False
    error: BaseException | None = None


class Streams:
    """Runs the shards that are left, and does to the running stream what the control object asks.

    A stream is ended as a drain ends: shards that have begun are finished within the job's grace time, the replicas
    are ended, which gives their engines and GPUs back, and what is not committed goes to the next stream. The
    generation stays the same.

    Args:
        plan: what every replica needs; its model is the spec's.
        open_stream: makes a stream of a plan, shards and bounds of the pool.
        resolve: finds a model; raises ``ModelError`` or ``StoreError``.
        dismiss: lets the scoreboard forget ended replicas.
        remaining: counts what is committed and returns the shards that are not; raises ``StoreError``.
    """

    def __init__(
        self,
        plan: ReplicaPlan,
        *,
        state: JobState,
        heartbeat: Heartbeat,
        stopping: Stopping,
        pause: Pause,
        clock: Clock,
        open_stream: Callable[[ReplicaPlan, Sequence[StagedShard], ReplicaBounds], Stream],
        resolve: Callable[[str], ResolvedModel],
        dismiss: Callable[[], None],
        remaining: Callable[[], tuple[StagedShard, ...]],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._plan, self._spec_model = plan, plan.model_uri
        self._state, self._heartbeat, self._stopping, self._pause = state, heartbeat, stopping, pause
        self._clock, self._sleep = clock, sleep
        self._open_stream, self._resolve, self._dismiss, self._remaining = open_stream, resolve, dismiss, remaining
        self._refused: set[str] = set()

    def run(self, left: tuple[StagedShard, ...]) -> Course:
        """Run streams until nothing is left or the job must stop. Raises ``StoreError``."""
        self._heartbeat.beat()  # what was asked before we came
        while left:
            course = self._rest()
            if course is not None:
                return course
            self._plan = replace(self._plan, model_uri=self._model())
            bounds = self._bounds()
            stream = self._open_stream(self._plan, left, bounds)
            _log.info("event=stream shards=%d model=%s replicas=%d", len(left), self._plan.model_uri, bounds.max)
            stream.start()
            course = self._watch(stream, bounds)
            if course is not None:
                return course
            self._dismiss()
            left = self._remaining()
            self._heartbeat.hold(DesiredState.RUN)
            self._heartbeat.beat()
        return Course()

    def _rest(self) -> Course | None:
        """Wait while the job is paused; None once it may run."""
        control = self._heartbeat.control
        if not self._pause.holds(control):
            return None
        by = control.paused_by.rsplit("/", 1)[-1] if control.paused_by else control.written_by or "somebody"
        self._state.paused = True
        self._state.say(f"paused by {by}" + (f": {control.reason}" if control.reason else ""))
        _log.info("event=paused by=%s", by)
        while self._pause.holds(self._heartbeat.control):
            stop = self._stopping.reason()
            if stop is not None:
                return Course(stop=stop)
            if self._is_late():
                return Course(is_late=True)
            self._sleep(TICK_SECONDS)
        self._state.paused = False
        self._state.say("")
        _log.info("event=resumed")
        return None

    def _watch(self, stream: Stream, bounds: ReplicaBounds) -> Course | None:
        """Watch one stream to its end. None: it was ended for another one."""
        drain_until: float | None = None
        end_by: float | None = None
        while not stream.ended.wait(TICK_SECONDS):
            stop = self._stopping.reason()
            if stop is not None:
                return self._without_fallback(stream, stop)
            snapshot, now = self._heartbeat.snapshot, self._clock.monotonic()
            if snapshot.live == 0 and self._is_late():
                # Nobody is there to expire the rows: no replica ever came, or the last one died.
                return Course(is_late=True)
            if bounds != self._bounds():
                bounds = self._bounds()
                stream.resize(bounds)
            if end_by is not None:
                if now >= end_by:
                    return Course(stop=Stop(ExitReason.CRASHED, f"the stream did not end within {END_SECONDS:g} s"))
            elif drain_until is not None:
                is_quiet = snapshot.deaf == 0 and snapshot.open_shards == 0
                if is_quiet or now >= drain_until:
                    _log.info("event=stream_ends open_shards=%d", snapshot.open_shards)
                    stream.end()
                    end_by = now + END_SECONDS
            elif self._pause.holds(self._heartbeat.control) or self._model() != self._plan.model_uri:
                self._heartbeat.hold(DesiredState.DRAIN)
                self._heartbeat.beat()
                drain_until = now + self._plan.settings.drain_grace_seconds
        return None if drain_until is not None else Course(error=stream.error)

    def _without_fallback(self, stream: Stream, stop: Stop) -> Course | None:
        """Go on with the spec's model if it is another one whose engine does not start: no reaction ends a job."""
        uri = self._plan.model_uri
        if stop.reason is not ExitReason.ENGINE_START or uri == self._spec_model:
            return Course(stop=stop)
        self._refused.add(uri)
        self._state.say(f"model {uri} was asked for and does not start, {self._spec_model} answers: {stop.message}")
        _log.warning("event=model_refused model=%s kept=%s error=%s", uri, self._spec_model, stop.message)
        stream.end()
        if not stream.ended.wait(END_SECONDS):
            return Course(stop=Stop(ExitReason.CRASHED, f"the stream did not end within {END_SECONDS:g} s"))
        return None

    def _is_late(self) -> bool:
        return self._plan.expires_at is not None and self._clock.now() >= self._plan.expires_at

    def _bounds(self) -> ReplicaBounds:
        """Return what the control object says, or else the spec; ``wanted`` replicas are told by heartbeats."""
        settings, asked = self._plan.settings, self._heartbeat.control.replicas
        least, most = (settings.min_replicas, settings.max_replicas) if asked is None else (asked.min, asked.max)
        self._state.replicas_wanted = most
        return ReplicaBounds(min=min(least, most), max=most)

    def _model(self) -> str:
        """Return the model that is asked for; if it cannot be had, the one of now; if that one fails, the spec's.

        A model may take minutes to arrive. The replicas work on meanwhile; only the driver waits.
        """
        uri = self._heartbeat.control.model or self._spec_model
        if uri in self._refused:
            return self._spec_model if self._plan.model_uri in self._refused else self._plan.model_uri
        if uri == self._plan.model_uri:
            return uri
        try:
            self._state.model_digest = self._resolve(uri).digest
        except (ModelError, StoreError) as error:
            self._refused.add(uri)
            self._state.say(f"model {uri} was asked for and cannot be had, {self._plan.model_uri} answers: {error}")
            _log.warning("event=model_refused model=%s kept=%s error=%s", uri, self._plan.model_uri, error)
            return self._plan.model_uri
        _log.info("event=model_changes from=%s to=%s", self._plan.model_uri, uri)
        return uri
