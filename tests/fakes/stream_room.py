"""Everything around the streams of a job, with streams that follow a script."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from llmbatch.cluster.driver import streams as streams_module
from llmbatch.cluster.driver.estimator import Estimator
from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.orders import JobOrders
from llmbatch.cluster.driver.progress_writer import ProgressWriter
from llmbatch.cluster.driver.stop import Stopping
from llmbatch.cluster.driver.streams import Streams
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.cluster.models.resolve import ResolvedModel
from llmbatch.cluster.replica.replica_actor import ReplicaPlan
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.store import StoreEnvironment
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.errors import ModelError
from llmbatch.core.shards import StagedShard, remaining_shards
from llmbatch.core.store import MemoryStore

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class FakeStream:
    """A stream whose every look advances the job by one scripted step."""

    def __init__(self, room: Room, plan: ReplicaPlan, shards: Any, bounds: ReplicaBounds) -> None:
        self.room, self.model, self.shards, self.bounds = room, plan.model_uri, shards, [bounds]
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self.ended.wait = self._look  # type: ignore[method-assign]
        self.end_requested = False

    def start(self) -> None: ...

    def resize(self, bounds: ReplicaBounds) -> None:
        self.bounds.append(bounds)

    def end(self) -> None:
        self.end_requested = True
        self.ended.set()

    def _look(self, timeout: float | None = None) -> bool:
        if not self.ended.is_set():
            self.room.step()
        return self.ended.is_set()

    def commit_all(self) -> None:
        self.room.committed |= {shard.shard_id for shard in self.shards}
        self.ended.set()


class Room:
    """Everything around ``Streams``, its host too; ``script`` holds what happens at each wait, in order."""

    def __init__(self, make: Any, *, delivers: bool = False, **plan: Any) -> None:
        self.store, self.clock = MemoryStore(), ManualClock(NOW)
        self.job = make.stage(self.store, [make.chat(n, "x") for n in range(1, 5)], 1)
        self.state = JobState(self.job.manifest, generation=1, replicas_wanted=1, clock=self.clock)
        context = JobContext(self.job.manifest.job_id, 1, self.job.layout, self.store, self.clock)
        self.orders = JobOrders(1, delivers=delivers)
        writer = ProgressWriter(context, self.state, Estimator(10), emit=lambda _: None)
        self.pulse = Heartbeat(context, self.state, self.orders, writer, seconds=1)
        self.snapshot, self.heard, self.cancels = Snapshot(live=1), [], []
        self.pulse.connect(self.exchange)
        self.committed: set[str] = set()
        self.opened: list[FakeStream] = []
        self.script: list[Callable[[], None]] = []
        self.forgotten = 0
        self.missing_models: set[str] = set()
        self.resolved: list[str] = []
        settings = self.job.spec.engine
        self.plan = ReplicaPlan("j", 1, self.job.layout.root, "m1", settings, StoreEnvironment({}), None, **plan)
        stopping = Stopping(
            spec=self.job.spec, state=self.state, orders=self.orders, heartbeat=self.pulse, clock=self.clock
        )
        self.streams = Streams(
            context, self.plan,
            state=self.state, orders=self.orders, heartbeat=self.pulse, stopping=stopping, host=self,
        )  # fmt: skip

    def exchange(self, orders: Any, epoch: str, known: int) -> Snapshot:
        self.heard.append(orders.desired)
        self.cancels.append(orders.cancels)
        return self.snapshot

    def open_stream(self, plan: ReplicaPlan, shards: Any, bounds: ReplicaBounds) -> FakeStream:
        self.opened.append(FakeStream(self, plan, shards, bounds))
        return self.opened[-1]

    def find_model(self, uri: str) -> ResolvedModel:
        self.resolved.append(uri)
        if uri in self.missing_models:
            raise ModelError(f"there is no {uri}")
        return ResolvedModel(uri, f"digest of {uri}")

    def forget_replicas(self) -> None:
        self.forgotten += 1
        self.snapshot = Snapshot()

    def remaining(self) -> tuple[StagedShard, ...]:
        return remaining_shards(self.job.manifest.shards, self.committed)

    def sleep(self, seconds: float) -> None:
        self.step()

    def control(self, **fields: Any) -> Callable[[], None]:
        def write() -> None:
            self.store.put(self.job.layout.control, Control(**fields).model_dump_json().encode())

        return write

    def shows(self, snapshot: Snapshot) -> Callable[[], None]:
        return lambda: setattr(self, "snapshot", snapshot)

    def finish(self) -> None:
        self.opened[-1].commit_all()

    def step(self) -> None:
        assert self.script, "nothing more was to happen"
        self.script.pop(0)()
        self.pulse.beat()

    def run(self, *script: Callable[[], None]) -> streams_module.Course:
        self.script = list(script)
        course = self.streams.run(self.job.manifest.shards)
        assert self.script == []
        return course


def some(room: Room) -> None:
    """Commit the first shard."""
    room.committed.add(room.job.manifest.shards[0].shard_id)
