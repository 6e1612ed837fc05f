"""A heartbeat with everything around it, over a store that can refuse writes."""

from __future__ import annotations

from llmbatch.cluster.driver.estimator import estimator_of
from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.orders import JobOrders
from llmbatch.cluster.driver.progress_writer import ProgressWriter
from llmbatch.cluster.driver.stop import Stopping
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control
from llmbatch.core.errors import StoreError
from llmbatch.core.progress import Progress
from llmbatch.core.states import DesiredState
from llmbatch.core.store import MemoryStore


class MoodyStore(MemoryStore):
    """A store that refuses writes while it is down."""

    down = False
    refused = "nothing"

    def put(self, uri, body):
        if self.down or self.refused in uri:
            raise StoreError("down")
        return super().put(uri, body)


class Desk:
    """A heartbeat with everything around it."""

    def __init__(self, make, rows: int = 200, *, delivers: bool = False) -> None:
        self.store, self.clock, self.lines = MoodyStore(), ManualClock(), []
        self.job = make.stage(self.store, [make.chat(n, "x") for n in range(1, rows + 1)], 50)
        self.state = JobState(self.job.manifest, generation=1, replicas_wanted=1, clock=self.clock)
        self.orders = JobOrders(1, delivers=delivers)
        self.heartbeat = self.new_heartbeat()
        self.snapshot = Snapshot()
        self.received: list[DesiredState] = []
        self.limits: list[int | None] = []
        self.heartbeat.connect(self.exchange)
        self.stopping = Stopping(
            spec=self.job.spec, state=self.state, orders=self.orders, heartbeat=self.heartbeat, clock=self.clock
        )

    def new_heartbeat(self) -> Heartbeat:
        context = JobContext(self.job.manifest.job_id, 1, self.job.layout, self.store, self.clock)
        writer = ProgressWriter(context, self.state, estimator_of(self.job.spec, self.store), self.lines.append)
        return Heartbeat(context, self.state, self.orders, writer, seconds=1)

    def exchange(self, orders, epoch, known):
        self.received.append(orders.desired)
        self.limits.append(orders.max_tokens)
        return self.snapshot

    def control(self, desired: DesiredState, reason: str = "", generation: int | None = None) -> None:
        control = Control(desired=desired, reason=reason, generation=generation)
        self.store.put(self.job.layout.control, control.model_dump_json().encode())

    def written(self) -> Progress:
        return Progress.model_validate_json(self.store.get(self.job.layout.progress))
