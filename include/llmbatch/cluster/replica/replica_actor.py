"""A replica as Ray Data runs it: the callable class of ``map_batches``, one instance an actor."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ray

from llmbatch.cluster.engines.base import EngineDiedError
from llmbatch.cluster.engines.factory import make_engine
from llmbatch.cluster.exchange.replica_report import Fatal, LostReplica, ReplicaReport
from llmbatch.cluster.media.reader import MediaReader
from llmbatch.cluster.models.adapters import fetch_adapters
from llmbatch.cluster.models.resolve import resolve_model
from llmbatch.cluster.replica.crash_book import record_loss
from llmbatch.cluster.replica.guard import guard_children
from llmbatch.cluster.replica.limits import RowLimits
from llmbatch.cluster.replica.replica import Replica
from llmbatch.cluster.replica.start_failure import start_failure
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.patience import Patience
from llmbatch.cluster.storage.store import StoreEnvironment, open_store
from llmbatch.core.clock import SystemClock
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import StoreError, Superseded
from llmbatch.core.layout import JobLayout
from llmbatch.core.serving import Serving
from llmbatch.core.shards import StagedShard
from llmbatch.core.shown import shown
from llmbatch.core.states import ExitReason

REPORT_SECONDS = 1.0
ENGINE_DIED_EXIT = 70

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReplicaPlan:
    """Everything that a replica needs, on any node.

    Attributes:
        scoreboard: an actor handle.
        servings: what each model of the job serves, by its address. The address of another model is its name.
    """

    job_id: str
    generation: int
    root_uri: str
    model_uri: str
    settings: EngineSettings
    store_environment: StoreEnvironment
    scoreboard: Any
    expires_at: datetime | None = None
    servings: Mapping[str, Serving] = field(default_factory=dict)

    @property
    def serving(self) -> Serving:
        """What the model of these replicas serves."""
        return self.servings.get(self.model_uri) or Serving(name=self.model_uri)


class ReplicaActor:
    """Takes batches of shard descriptors, yields their ids as they end.

    The replica lives on an event loop of its own, because Ray Data runs each call on a thread that belongs to the call.
    If its engine dies, so does the actor: Ray starts another one and gives it the shards that were not committed. If
    the process died, of whatever cause, its successor records the rows that were inside before it runs any.
    """

    def __init__(self, plan: ReplicaPlan) -> None:
        self._plan = plan
        self._replica_id = uuid.uuid4().hex[:12]
        self._guard = guard_children(plan.settings.hang_seconds)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="replica", daemon=True).start()
        actor_id = ray.get_runtime_context().get_actor_id()
        self._lost: LostReplica | None = ray.get(plan.scoreboard.announce.remote(self._replica_id, actor_id))
        try:
            self._replica = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        except StoreError as error:
            self._report_fatal(Fatal(ExitReason.STORE_UNREACHABLE, str(error)))
            raise
        except BaseException as error:
            self._report_fatal(Fatal(ExitReason.ENGINE_START, start_failure(error)))
            raise
        # Before the first row: the reply says how long rows may still begin.
        asyncio.run_coroutine_threadsafe(self._report(), self._loop).result()
        asyncio.run_coroutine_threadsafe(self._keep_reporting(), self._loop)

    async def __call__(self, batch: dict[str, Any]) -> AsyncIterator[dict[str, list[str]]]:
        """Process the shards named in ``batch["shard"]`` (JSON); yield the id of each, empty if it was abandoned."""
        shards = [StagedShard.model_validate_json(text) for text in batch["shard"]]
        futures = [asyncio.run_coroutine_threadsafe(self._replica.process(shard), self._loop) for shard in shards]
        for future in asyncio.as_completed([asyncio.wrap_future(future) for future in futures]):
            try:
                tally = await future
            except StoreError as error:
                self._report_fatal(
                    Fatal(ExitReason.STORE_UNREACHABLE if error.retryable else ExitReason.CRASHED, str(error))
                )
                raise
            except Superseded as error:
                self._report_fatal(Fatal(ExitReason.SUPERSEDED, str(error)))
                raise
            if self._replica.idle:
                # Ray Data may end this actor right after its last shard: do not wait for the next report.
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._report(), self._loop))
            yield {"shard": ["" if tally is None else tally.shard_id]}

    async def _start(self) -> Replica:
        plan = self._plan
        plan.store_environment.fill_in()
        store = open_store()
        job = JobContext(plan.job_id, plan.generation, JobLayout(plan.root_uri), store, SystemClock())
        if self._lost is not None:
            await Patience(job).call(record_loss, job, self._lost)
        model = resolve_model(plan.model_uri, plan.settings.kind, store)
        serving = plan.serving
        adapters = fetch_adapters(serving, plan.settings.kind, store)
        media = MediaReader(
            store,
            Patience(job),
            prefixes=serving.media_prefixes,
            domains=serving.media_domains,
            closed=job.layout.base,
        )
        engine = make_engine(plan.settings, serving, model.path, model.revision, adapters, media)
        await engine.start()
        settings = plan.settings
        limits = RowLimits(
            settings.window_rows,
            settings.max_num_seqs,
            settings.shards_in_flight,
            expires_at=plan.expires_at,
            grace_seconds=settings.drain_grace_seconds,
        )
        return Replica(
            job,
            self._replica_id,
            engine,
            limits,
            on_engine_death=self._die,
            announce=self._report,
            model=plan.model_uri,
            model_digest=model.digest,
        )

    async def _keep_reporting(self) -> None:
        """Report every second and apply the orders of the reply. The next report repeats a lost one."""
        while True:
            self._guard.beat()
            await self._report()
            await asyncio.sleep(REPORT_SECONDS)

    async def _report(self) -> None:
        report = self._replica.report()
        try:
            orders = await asyncio.wait_for(self._plan.scoreboard.report.remote(report), timeout=10)
        except (ray.exceptions.RayError, TimeoutError) as error:
            _log.warning("event=report_lost job_id=%s error=%s", self._plan.job_id, type(error).__name__)
            return
        self._replica.reported(report)
        self._replica.apply(orders)

    def _report_fatal(self, fatal: Fatal) -> None:
        try:
            ray.get(self._plan.scoreboard.report.remote(ReplicaReport(self._replica_id, fatal=fatal)), timeout=10)
        except ray.exceptions.RayError:
            _log.warning("event=report_lost job_id=%s fatal=%s", self._plan.job_id, shown(fatal.message))

    def _die(self, error: EngineDiedError) -> None:
        _log.error("event=engine_died job_id=%s replica=%s error=%s", self._plan.job_id, self._replica_id, shown(error))
        # Not an exception: that would end the job. A dead actor is replaced and its shards are given out again.
        os._exit(ENGINE_DIED_EXIT)
