"""One generation of a job, from its spec to its exit code."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from llmbatch.cluster.driver.accepted_job import CannotRunError, read_accepted
from llmbatch.cluster.driver.committed_shards import committed_shards, count_committed
from llmbatch.cluster.driver.estimator import estimator_of
from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.orders import JobOrders
from llmbatch.cluster.driver.plan import plan_of
from llmbatch.cluster.driver.progress_writer import ProgressWriter
from llmbatch.cluster.driver.ray_link import connect_ray, exchange, start_scoreboard
from llmbatch.cluster.driver.schema_gate import refused_schema
from llmbatch.cluster.driver.stop import Stop, Stopping
from llmbatch.cluster.driver.stream_host import RayHost
from llmbatch.cluster.driver.streams import Streams
from llmbatch.cluster.driver.unrun_rows import end_shards
from llmbatch.cluster.models.adapters import fetch_adapters
from llmbatch.cluster.models.resolve import resolve_model
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.metered_store import use_of
from llmbatch.cluster.storage.shard_table import read_tally
from llmbatch.cluster.storage.store import open_store
from llmbatch.core.claims import claim, last_claim
from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.errors import ModelError, StoreError, Superseded
from llmbatch.core.identity import submission_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.shard_order import running_order
from llmbatch.core.shards import StagedManifest, StagedShard, remaining_shards
from llmbatch.core.shown import shown
from llmbatch.core.states import ExitReason, Phase, RowState
from llmbatch.core.store import ObjectInfo
from llmbatch.s3.store import S3Store, probe_conditions
from llmbatch.version import VERSION

_TALLY_READERS = 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class End:
    """How a generation ended."""

    reason: ExitReason
    message: str


@dataclass(frozen=True)
class _Run:
    """The parts of a generation that has claimed its job."""

    job: JobContext
    spec: JobSpec
    total: int
    state: JobState
    orders: JobOrders
    heartbeat: Heartbeat

    @property
    def rest(self) -> RowState | None:
        """The outcome of rows that have not run, if they must not: the job is cancelled, or its deadline has passed."""
        if self.orders.cancels:
            return RowState.CANCELLED
        is_late = self.spec.expires_at is not None and self.job.clock.now() >= self.spec.expires_at
        return RowState.EXPIRED if is_late else None


class Pipeline:
    """Runs one generation. Every way out goes through ``run``, which writes the last heartbeat."""

    def __init__(
        self, root_uri: str, generation: int, *, store: S3Store | None = None, clock: Clock | None = None
    ) -> None:
        self._layout = JobLayout(root_uri.rstrip("/"))
        self.job_id = self._layout.job_id
        self._generation = generation
        self._clock = clock or SystemClock()
        self._store = store or open_store()
        self._heartbeat: Heartbeat | None = None

    def run(self) -> End:
        """Process all shards that are not committed; never raises."""
        try:
            end = self._run()
        except Superseded as error:
            end = End(ExitReason.SUPERSEDED, str(error))
        except ModelError as error:
            end = End(ExitReason.ENGINE_START, str(error))
        except StoreError as error:
            end = End(ExitReason.STORE_UNREACHABLE, str(error))
        except Exception as error:
            _log.exception("event=crashed job_id=%s", self.job_id)
            end = End(ExitReason.CRASHED, f"{type(error).__name__}: {error}")
        if self._heartbeat is not None:
            self._heartbeat.finish(end.reason, end.message)
        return end

    def _run(self) -> End:
        try:
            spec, staged = read_accepted(self._layout, self._store)
        except CannotRunError as error:
            return End(error.reason, str(error))
        probe_conditions(self._store, self._layout.probe)
        last = last_claim(self._store, self._layout)
        if self._generation < last:
            return End(ExitReason.SUPERSEDED, str(Superseded(self.job_id, self._generation, last)))
        job = self._claim()
        former = committed_shards(job)
        run = self._prepare(job, spec, staged, former)
        left = remaining_shards(running_order(staged.shards), former)
        _log.info(
            "event=begin job_id=%s generation=%d shards=%d committed=%d llmbatch=%s accepted_by=%s",
            job.job_id,
            job.generation,
            run.total,
            len(former),
            VERSION,
            shown(spec.versions.get("llmbatch", "?")),
        )
        run.heartbeat.read_control()
        run.heartbeat.start()
        readers = ThreadPoolExecutor(max_workers=_TALLY_READERS, thread_name_prefix="tallies")
        for info in former.values():
            readers.submit(_read_former, run, info)
        if not left:
            readers.shutdown()
            return End(ExitReason.COMMITTED, f"all {run.total} shards were committed already")
        if run.rest is not None:
            readers.shutdown()
            return _end_rest(run, left, run.rest)
        refusal = None if spec.request.output_schema is None else refused_schema(spec.request.output_schema)
        if refusal is not None:
            readers.shutdown()
            return End(ExitReason.BAD_SPEC, refusal)
        model = resolve_model(spec.model_uri, spec.engine.kind, self._store)
        fetch_adapters(spec.serving, spec.engine.kind, self._store)
        run.state.model_digest = model.digest
        _log.info("event=model job_id=%s path=%s digest=%s", job.job_id, model.path, model.digest)
        connect_ray()
        end = _work(run, left)
        readers.shutdown(cancel_futures=True)
        return end

    def _claim(self) -> JobContext:
        """Claim the job, under this generation's number or the first free one above it."""
        owner = submission_id_of(self.job_id, self._generation)
        mine = claim(self._store, self._layout, owner=owner, now=self._clock.now(), at_least=self._generation)
        return JobContext(self.job_id, mine.generation, self._layout, self._store, self._clock)

    def _prepare(
        self, job: JobContext, spec: JobSpec, staged: StagedManifest, former: Mapping[str, ObjectInfo]
    ) -> _Run:
        # A later generation follows the work of an earlier one, not a queue.
        queued = max(0.0, (job.clock.now() - spec.created_at).total_seconds()) if job.generation == 1 else None
        state = JobState(
            staged,
            generation=job.generation,
            replicas_wanted=spec.engine.max_replicas,
            clock=job.clock,
            queued_seconds=queued,
            driver_store=partial(use_of, job.store),
        )
        state.add_former(former)
        orders = JobOrders(job.generation, partial(_expires_in, spec, job.clock), delivers=spec.delivers_on_cancel)
        writer = ProgressWriter(job, state, estimator_of(spec, job.store), emit=lambda line: print(line, flush=True))
        self._heartbeat = Heartbeat(job, state, orders, writer, spec.heartbeat.seconds)
        return _Run(job, spec, len(staged.shards), state, orders, self._heartbeat)


def _expires_in(spec: JobSpec, clock: Clock) -> float | None:
    return None if spec.expires_at is None else (spec.expires_at - clock.now()).total_seconds()


def _read_former(run: _Run, shard: ObjectInfo) -> None:
    try:
        run.state.add_tallies([read_tally(run.job.store, shard)])
    except StoreError as error:
        _log.warning("event=tally_unread job_id=%s error=%s", run.job.job_id, error)


def _work(run: _Run, left: tuple[StagedShard, ...]) -> End:
    """Run the remaining shards, and watch them until they end or must be stopped."""
    job, spec, state = run.job, run.spec, run.state
    scoreboard = start_scoreboard()
    run.heartbeat.connect(partial(exchange, scoreboard, job.job_id))
    # After ray.init, which replaces the handler.
    stopping = Stopping(spec=spec, state=state, orders=run.orders, heartbeat=run.heartbeat, clock=job.clock)
    signal.signal(signal.SIGTERM, lambda *_: stopping.terminate())
    state.enter(Phase.MODEL_LOAD)
    plan = plan_of(job, spec, scoreboard)
    host = RayHost(job, state, scoreboard, spec.engine.kind, left)
    streams = Streams(job, plan, state=state, orders=run.orders, heartbeat=run.heartbeat, stopping=stopping, host=host)
    course = streams.run(left)
    if course.rest is not None:
        return _end_rest(run, remaining_shards(left, committed_shards(job)), course.rest)
    stop = course.stop
    if stop is None:
        run.heartbeat.beat()  # the last reports, and a control object that came with them
        stop = stopping.reason()
    committed = len(count_committed(job, state))
    if stop is not None and stop.reason not in {ExitReason.DRAINED, ExitReason.INTERRUPTED}:
        return End(stop.reason, stop.message)
    return _settle(run.total, committed, stop, course.error)


def _end_rest(run: _Run, left: tuple[StagedShard, ...], rest: RowState) -> End:
    """End the remaining rows, as expired or cancelled, without an engine."""
    job, deadline = run.job, run.spec.deadline
    if rest is RowState.EXPIRED:
        why = f"the deadline passed before {len(left)} began"
        _log.warning("event=expired job_id=%s shards=%d deadline=%s", job.job_id, len(left), deadline.isoformat())
    else:
        why = f"the job was cancelled before {len(left)} began{run.orders.now.job.because}"
        _log.warning("event=cancelled job_id=%s shards=%d", job.job_id, len(left))
    end_shards(job, left, rest, deadline, lambda tally: run.state.add_tallies([tally]))
    return End(ExitReason.COMMITTED, f"all {run.total} shards are committed; {why}")


def _settle(total: int, committed: int, stop: Stop | None, error: BaseException | None) -> End:
    """Decide how the run ended by what the store holds."""
    missing = total - committed
    if missing <= 0:
        return End(ExitReason.COMMITTED, f"all {total} shards are committed")
    if stop is not None:
        return End(stop.reason, f"{stop.message}; {committed} of {total} shards are committed")
    if error is not None:
        return End(ExitReason.CRASHED, f"{type(error).__name__}: {error}"[:2000])
    return End(ExitReason.CRASHED, f"the run ended, but {missing} of {total} shards are not committed")


def print_end(job_id: str, end: End) -> None:
    """Write the one clear last line on stderr."""
    message = shown(" ".join(end.message.split()))
    print(
        f"job={job_id} exit_code={int(end.reason)} reason={end.reason.name.lower()} {message} | {end.reason.advice}",
        file=sys.stderr,
        flush=True,
    )
