"""What the streams of a job need of the outside, and its implementation on Ray."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from llmbatch.cluster.driver.committed_shards import count_committed
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.ray_link import forget_replicas
from llmbatch.cluster.driver.shard_stream import ShardStream
from llmbatch.cluster.models.resolve import ResolvedModel, resolve_model
from llmbatch.cluster.replica.replica_actor import ReplicaPlan
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.control import ReplicaBounds
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.shards import StagedShard, remaining_shards


class Stream(Protocol):
    """One pool of replicas and the shards that it works on; see ``ShardStream``."""

    ended: threading.Event
    error: BaseException | None

    def start(self) -> None:
        """Begin, on a thread of its own."""

    def resize(self, bounds: ReplicaBounds) -> None:
        """Let the pool grow or shrink."""

    def end(self) -> None:
        """End the replicas without waiting for open shards."""


class StreamHost(Protocol):
    """Starts streams and answers what ``Streams`` must know between two of them."""

    def open_stream(self, plan: ReplicaPlan, shards: Sequence[StagedShard], bounds: ReplicaBounds) -> Stream:
        """Return a stream over these shards that has not started."""

    def find_model(self, uri: str) -> ResolvedModel:
        """Find a model. Raises ``ModelError`` or ``StoreError``."""

    def forget_replicas(self) -> None:
        """Remove the ended stream's replicas from the scoreboard."""

    def remaining(self) -> tuple[StagedShard, ...]:
        """Count what is committed and return the other shards. Raises ``StoreError``."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class RayHost:
    """Streams on the Ray cluster that this process is connected to.

    Args:
        job: the generation that runs.
        state: counts committed shards.
        scoreboard: handle of the scoreboard's actor.
        engine: kind of the job's engine.
        shards: those that were not committed when the generation began.
    """

    def __init__(
        self, job: JobContext, state: JobState, scoreboard: Any, engine: EngineKind, shards: tuple[StagedShard, ...]
    ) -> None:
        self._job, self._state, self._scoreboard = job, state, scoreboard
        self._engine, self._shards = engine, shards

    def open_stream(self, plan: ReplicaPlan, shards: Sequence[StagedShard], bounds: ReplicaBounds) -> Stream:
        """Return a stream of Ray Data."""
        return ShardStream(plan, shards, bounds)

    def find_model(self, uri: str) -> ResolvedModel:
        """Find a model, downloading it to this node if needed. Raises ``ModelError`` or ``StoreError``."""
        return resolve_model(uri, self._engine, self._job.store)

    def forget_replicas(self) -> None:
        """Remove all replicas from the scoreboard."""
        forget_replicas(self._scoreboard, self._job.job_id)

    def remaining(self) -> tuple[StagedShard, ...]:
        """Count what is committed and return the other shards. Raises ``StoreError``."""
        return remaining_shards(self._shards, count_committed(self._job, self._state))

    def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(seconds)
