"""One generation of a job, from its spec to its exit code."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import ValidationError

from llmbatch.cluster.driver.estimator import estimator_of
from llmbatch.cluster.driver.expiry import expire_shards
from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.pause import Pause
from llmbatch.cluster.driver.ray_link import ask, connect_ray, dismiss, start_scoreboard
from llmbatch.cluster.driver.shard_stream import ShardStream
from llmbatch.cluster.driver.stop import Stop, Stopping
from llmbatch.cluster.driver.streams import Streams
from llmbatch.cluster.models.resolve import resolve_model
from llmbatch.cluster.replica.replica_actor import ReplicaPlan
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_table import read_tally
from llmbatch.cluster.storage.store import open_store, store_environment
from llmbatch.core.claims import claim, last_claim
from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.errors import ModelError, ObjectMissing, StoreError, Superseded
from llmbatch.core.identity import submission_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.shard_order import running_order
from llmbatch.core.shards import StagedManifest, StagedShard, remaining_shards
from llmbatch.core.states import ExitReason, Phase
from llmbatch.core.store import ObjectInfo
from llmbatch.s3.store import S3Store, probe_conditional_writes

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class End:
    """How a generation ended."""

    reason: ExitReason
    message: str


class Pipeline:
    """Runs one generation. Every way out goes through ``run``, which writes the last heartbeat."""

    def __init__(
        self, root_uri: str, generation: int, *, store: S3Store | None = None, clock: Clock | None = None
    ) -> None:
        self._layout = JobLayout(root_uri.rstrip("/"))
        self.job_id = self._layout.root.rsplit("/", 1)[-1]
        self._generation = generation
        self._clock = clock or SystemClock()
        self._store = store or open_store()
        self._heartbeat: Heartbeat | None = None

    def run(self) -> End:
        """Do all the work that is left; never raises."""
        try:
            end = self._run()
        except Superseded as error:
            end = End(ExitReason.SUPERSEDED, str(error))
        except ModelError as error:
            end = End(ExitReason.ENGINE_START, str(error))
        except StoreError as error:
            end = End(ExitReason.STORE_UNREACHABLE, str(error))
        except Exception as error:
            _log.exception("job_id=%s event=crashed", self.job_id)
            end = End(ExitReason.CRASHED, f"{type(error).__name__}: {error}")
        if self._heartbeat is not None:
            self._heartbeat.finish(end.reason, end.message)
        return end

    def _run(self) -> End:
        try:
            spec = JobSpec.model_validate_json(self._store.get(self._layout.spec))
            staged = StagedManifest.model_validate_json(self._store.get(self._layout.staged_manifest))
        except (ValidationError, ObjectMissing) as error:
            return End(ExitReason.BAD_SPEC, f"{self._layout.root} cannot be run: {error}")
        probe_conditional_writes(self._store, self._layout.probe)
        last = last_claim(self._store, self._layout)
        if self._generation < last:
            return End(ExitReason.SUPERSEDED, str(Superseded(self.job_id, self._generation, last)))
        owner = submission_id_of(self.job_id, self._generation)
        mine = claim(self._store, self._layout, owner=owner, now=self._clock.now(), at_least=self._generation)
        self._generation = mine.generation
        former = self._committed()
        # Before a later generation there was an earlier one's work, not a queue.
        queued = (self._clock.now() - spec.created_at).total_seconds() if self._generation == 1 else None
        state = JobState(
            staged,
            generation=self._generation,
            replicas_wanted=spec.engine.max_replicas,
            clock=self._clock,
            queued_seconds=None if queued is None else max(0.0, queued),
        )
        state.add_former(former)
        heartbeat = self._heartbeat = Heartbeat(
            store=self._store,
            layout=self._layout,
            state=state,
            estimator=estimator_of(spec, self._store),
            generation=self._generation,
            seconds=spec.heartbeat.seconds,
            clock=self._clock,
            emit=lambda line: print(line, flush=True),
        )
        left = remaining_shards(running_order(staged.shards), former)
        _log.info(
            "job_id=%s generation=%d event=begin shards=%d committed=%d",
            self.job_id,
            self._generation,
            len(staged.shards),
            len(former),
        )
        heartbeat.start()
        readers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="tallies")
        for info in former.values():
            readers.submit(self._read_former, state, info)
        if not left:
            readers.shutdown()
            return End(ExitReason.COMMITTED, f"all {len(staged.shards)} shards were committed already")
        if self._is_late(spec):
            readers.shutdown()
            return self._expire(spec, left, len(staged.shards), state)
        model = resolve_model(spec.model_uri, spec.engine.kind, self._store)
        state.model_digest = model.digest
        _log.info("job_id=%s event=model path=%s digest=%s", self.job_id, model.path, model.digest)
        connect_ray()
        end = self._work(spec, left, len(staged.shards), state, heartbeat)
        readers.shutdown(cancel_futures=True)
        return end

    def _read_former(self, state: JobState, shard: ObjectInfo) -> None:
        try:
            state.add_tallies([read_tally(self._store, shard)])
        except StoreError as error:
            _log.warning("job_id=%s event=tally_unread error=%s", self.job_id, error)

    def _work(
        self, spec: JobSpec, left: tuple[StagedShard, ...], total: int, state: JobState, heartbeat: Heartbeat
    ) -> End:
        """Run the shards that are left, and watch them until they end or must be stopped."""
        scoreboard = start_scoreboard()
        heartbeat.connect(lambda orders, epoch, known: ask(scoreboard, orders, epoch, known))
        # After ray.init, which replaces the handler.
        stopping = Stopping(spec=spec, state=state, heartbeat=heartbeat, clock=self._clock)
        signal.signal(signal.SIGTERM, lambda *_: stopping.terminate())
        heartbeat.enter(Phase.MODEL_LOAD)
        plan = ReplicaPlan(
            job_id=self.job_id,
            generation=self._generation,
            root_uri=self._layout.root,
            model_uri=spec.model_uri,
            settings=spec.engine,
            store_environment=store_environment(),
            scoreboard=scoreboard,
            expires_at=spec.expires_at,
        )
        streams = Streams(
            plan,
            state=state,
            heartbeat=heartbeat,
            stopping=stopping,
            pause=Pause(self._store, self._clock),
            clock=self._clock,
            open_stream=ShardStream,
            resolve=lambda uri: resolve_model(uri, spec.engine.kind, self._store),
            dismiss=lambda: dismiss(scoreboard),
            remaining=lambda: remaining_shards(left, self._tell_committed(state)),
        )
        course = streams.run(left)
        if course.is_late:
            return self._expire(spec, remaining_shards(left, self._committed()), total, state)
        stop = course.stop
        if stop is None:
            heartbeat.beat()  # the last reports, and a control object that came with them
            stop = stopping.reason()
        committed = self._tell_committed(state)
        if stop is not None and stop.reason not in {ExitReason.DRAINED, ExitReason.INTERRUPTED}:
            return End(stop.reason, stop.message)
        return self._settle(total, committed, stop, course.error)

    def _tell_committed(self, state: JobState) -> dict[str, ObjectInfo]:
        """Return what is committed, and count it.

        A shard may be committed and its replica gone before it could tell: heartbeats count what is there.
        """
        committed = self._committed()
        state.add_tallies([read_tally(self._store, committed[shard_id]) for shard_id in state.untold(committed)])
        return committed

    def _is_late(self, spec: JobSpec) -> bool:
        return spec.expires_at is not None and self._clock.now() >= spec.expires_at

    def _expire(self, spec: JobSpec, left: tuple[StagedShard, ...], total: int, state: JobState) -> End:
        """End what is left without an engine."""
        _log.warning("job_id=%s event=expired shards=%d deadline=%s", self.job_id, len(left), spec.deadline.isoformat())
        job = JobContext(self.job_id, self._generation, self._layout, self._store, self._clock)
        expire_shards(job, left, spec.deadline, lambda tally: state.add_tallies([tally]))
        return End(
            ExitReason.COMMITTED, f"all {total} shards are committed; the deadline passed before {len(left)} began"
        )

    def _settle(self, total: int, committed: Collection[str], stop: Stop | None, error: BaseException | None) -> End:
        """Decide by what the store holds, not by how the run felt."""
        missing = total - len(committed)
        if missing <= 0:
            return End(ExitReason.COMMITTED, f"all {total} shards are committed")
        if stop is not None:
            return End(stop.reason, f"{stop.message}; {len(committed)} of {total} shards are committed")
        if error is not None:
            return End(ExitReason.CRASHED, f"{type(error).__name__}: {error}"[:2000])
        return End(ExitReason.CRASHED, f"the run ended, but {missing} of {total} shards are not committed")

    def _committed(self) -> dict[str, ObjectInfo]:
        found = ((JobLayout.shard_of(item.uri), item) for item in self._store.list(self._layout.results))
        return {shard_id: item for shard_id, item in found if shard_id is not None}


def print_end(job_id: str, end: End) -> None:
    """Write the one clear last line on stderr."""
    message = " ".join(end.message.split())
    print(
        f"job={job_id} exit_code={int(end.reason)} reason={end.reason.name.lower()} {message} | {end.reason.advice}",
        file=sys.stderr,
        flush=True,
    )
