"""The streams of one generation: one after the other, a new one after a pause or with another model."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.orders import JobOrders
from llmbatch.cluster.driver.pause import Pause
from llmbatch.cluster.driver.stop import Stop, Stopping
from llmbatch.cluster.driver.stream_host import Stream, StreamHost
from llmbatch.cluster.replica.replica_actor import ReplicaPlan
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.control import ReplicaBounds
from llmbatch.core.errors import ModelError, StoreError
from llmbatch.core.shards import StagedShard
from llmbatch.core.states import DesiredState, ExitReason, RowState

TICK_SECONDS = 0.2
END_SECONDS = 60.0
"""How long a stream may take to end once its end is requested."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Course:
    """Why there are no more streams: a reason to stop, an error, or (all empty) no shards are left.

    ``rest`` is the outcome of the remaining rows if they end without an engine: expired or cancelled.
    """

    stop: Stop | None = None
    rest: RowState | None = None
    error: BaseException | None = None


class Streams:
    """Runs the remaining shards, and applies the control object to the running stream: pause, model, pool bounds.

    A stream is ended as a drain ends: shards that have begun are finished within the job's grace time, the replicas
    are ended, which frees their engines and GPUs, and what is not committed goes to the next stream. The generation
    stays the same. If the job is cancelled and delivers, the rows of those shards that have not begun are cancelled.

    Args:
        job: the generation that runs.
        plan: what every replica needs; its model is the spec's.
        state: shows pauses, models and wanted replicas in heartbeats.
        orders: what holds now; a stream that must end holds its replicas.
        heartbeat: beats at once where replicas must not wait for new orders.
        stopping: decides when the job stops.
        host: starts streams.
    """

    def __init__(
        self,
        job: JobContext,
        plan: ReplicaPlan,
        *,
        state: JobState,
        orders: JobOrders,
        heartbeat: Heartbeat,
        stopping: Stopping,
        host: StreamHost,
    ) -> None:
        self._job, self._plan, self._spec_model = job, plan, plan.model_uri
        self._state, self._orders, self._heartbeat, self._stopping = state, orders, heartbeat, stopping
        self._host, self._pause = host, Pause(job)
        self._refused: set[str] = set()

    def run(self, left: tuple[StagedShard, ...]) -> Course:
        """Run streams until no shard is left or the job must stop. Raises ``StoreError``."""
        self._heartbeat.beat()  # reads a control object from before the start
        while left:
            course = self._rest()
            if course is not None:
                return course
            self._plan = replace(self._plan, model_uri=self._model())
            bounds = self._bounds()
            stream = self._host.open_stream(self._plan, left, bounds)
            _log.info(
                "event=stream job_id=%s shards=%d model=%s replicas=%d",
                self._job.job_id,
                len(left),
                self._plan.model_uri,
                bounds.max,
            )
            stream.start()
            course = self._watch(stream, bounds)
            if course is not None:
                return course
            self._host.forget_replicas()
            left = self._host.remaining()
            self._orders.hold(DesiredState.RUN)
            self._heartbeat.beat()
        return Course()

    def _rest(self) -> Course | None:
        """Wait while the job is paused; None once it may run."""
        control = self._orders.control
        if self._orders.cancels or not self._pause.holds(control):
            return self._rest_of_rows()
        by = control.paused_by.rsplit("/", 1)[-1] if control.paused_by else control.written_by or "another user"
        self._state.paused = True
        self._state.show(f"paused by {by}" + (f": {control.reason}" if control.reason else ""))
        _log.info("event=paused job_id=%s by=%s", self._job.job_id, by)
        while self._pause.holds(self._orders.control):
            stop = self._stopping.reason()
            if stop is not None:
                return Course(stop=stop)
            course = self._rest_of_rows()
            if course is not None:
                return course
            self._host.sleep(TICK_SECONDS)
        self._state.paused = False
        self._state.show("")
        _log.info("event=resumed job_id=%s", self._job.job_id)
        return None

    def _watch(self, stream: Stream, bounds: ReplicaBounds) -> Course | None:
        """Watch one stream to its end. Return None if it was ended so that another one can follow."""
        drain_until: float | None = None
        end_by: float | None = None
        is_cancelled = False
        while not stream.ended.wait(TICK_SECONDS):
            stop = self._stopping.reason()
            if stop is not None:
                return self._without_fallback(stream, stop)
            snapshot, now = self._state.snapshot, self._job.clock.monotonic()
            # Without a replica none can end the rows: none has started, or the last one died.
            course = self._rest_of_rows() if snapshot.live == 0 else None
            if course is not None:
                return course
            bounds = self._resized(stream, bounds)
            if end_by is not None:
                if now >= end_by:
                    return Course(stop=Stop(ExitReason.CRASHED, f"the stream did not end within {END_SECONDS:g} s"))
            elif self._orders.cancels and not is_cancelled:
                is_cancelled = True
                self._state.show(f"cancelled{self._orders.now.job.because}; what is finished is delivered")
                # Replicas abort rows when the grace time is over; then they commit.
                drain_until = self._drain(now) + END_SECONDS
            elif drain_until is not None:
                if snapshot.is_quiet or now >= drain_until:
                    _log.info("event=stream_ends job_id=%s open_shards=%d", self._job.job_id, snapshot.open_shards)
                    stream.end()
                    end_by = now + END_SECONDS
            elif self._pause.holds(self._orders.control) or self._model() != self._plan.model_uri:
                drain_until = self._drain(now)
        return None if drain_until is not None else Course(error=stream.error)

    def _without_fallback(self, stream: Stream, stop: Stop) -> Course | None:
        """Continue with the spec's model if the engine of a fallback model does not start: no fallback ends a job."""
        uri = self._plan.model_uri
        if stop.reason is not ExitReason.ENGINE_START or uri == self._spec_model:
            return Course(stop=stop)
        self._refused.add(uri)
        self._state.show(f"model {uri} was requested and does not start, {self._spec_model} answers: {stop.message}")
        self._log_refused(uri, self._spec_model, stop.message)
        stream.end()
        if not stream.ended.wait(END_SECONDS):
            return Course(stop=Stop(ExitReason.CRASHED, f"the stream did not end within {END_SECONDS:g} s"))
        return None

    def _drain(self, now: float) -> float:
        """Let the replicas finish what has begun, and return until when."""
        self._orders.hold(DesiredState.DRAIN)
        self._heartbeat.beat()
        return now + self._plan.settings.drain_grace_seconds

    def _rest_of_rows(self) -> Course | None:
        """Return the course of a job that is cancelled or late, whose remaining rows end without an engine."""
        if self._orders.cancels:
            return Course(rest=RowState.CANCELLED)
        is_late = self._plan.expires_at is not None and self._job.clock.now() >= self._plan.expires_at
        return Course(rest=RowState.EXPIRED) if is_late else None

    def _resized(self, stream: Stream, former: ReplicaBounds) -> ReplicaBounds:
        """Give the stream the pool's bounds if they have changed, and return them."""
        bounds = self._bounds()
        if bounds != former:
            stream.resize(bounds)
        return bounds

    def _bounds(self) -> ReplicaBounds:
        """Return the pool's bounds: those of the control object, or else of the spec. Heartbeats show the upper one."""
        settings, bounds = self._plan.settings, self._orders.control.replicas
        least, most = (settings.min_replicas, settings.max_replicas) if bounds is None else (bounds.min, bounds.max)
        self._state.replicas_wanted = most
        return ReplicaBounds(min=min(least, most), max=most)

    def _model(self) -> str:
        """Return the requested model; if it is not available, the current one; if that one failed, the spec's.

        The download of a model may take minutes. The replicas continue meanwhile; only the driver waits.
        """
        uri = self._orders.control.model or self._spec_model
        if uri in self._refused:
            return self._spec_model if self._plan.model_uri in self._refused else self._plan.model_uri
        if uri == self._plan.model_uri:
            return uri
        try:
            self._state.model_digest = self._host.find_model(uri).digest
        except (ModelError, StoreError) as error:
            self._refused.add(uri)
            self._state.show(f"model {uri} was requested and is not available, {self._plan.model_uri} answers: {error}")
            self._log_refused(uri, self._plan.model_uri, error)
            return self._plan.model_uri
        _log.info("event=model_changes job_id=%s from=%s to=%s", self._job.job_id, self._plan.model_uri, uri)
        return uri

    def _log_refused(self, uri: str, kept: str, error: object) -> None:
        _log.warning("event=model_refused job_id=%s model=%s kept=%s error=%s", self._job.job_id, uri, kept, error)
