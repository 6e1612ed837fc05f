"""Ray Data over shard descriptors: an actor pool that may grow and shrink, retries on node loss, no barrier."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from llmbatch.cluster.driver.pool_bounds import PoolBounds, StreamEndedError
from llmbatch.cluster.replica.replica_actor import ReplicaActor, ReplicaPlan
from llmbatch.core.control import ReplicaBounds
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.shards import StagedShard

MAX_BLOCKS = 1024
"""Blocks of one run; above it a block holds several shards, as every block costs Ray some 30 ms of CPU time.

A block never holds more shards than a replica has open, so there may be more blocks than this: of 100,000 shards, 8334.
"""

_POLL_SECONDS = 1.0
_OUTPUT_POLL_SECONDS = 0.25
_NO_PROGRESS_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Blocks:
    """How shards are given to replicas.

    Attributes:
        count: blocks of the run.
        shards: shards of a block, at most.
        at_once: blocks that a replica has at a time.
    """

    count: int
    shards: int
    at_once: int

    @classmethod
    def of(cls, shards: int, in_flight: int) -> Blocks:
        """Divide so that a replica has ``in_flight`` shards open at all times.

        A replica opens the shards of its blocks in order. A block ends with its last shard, so that blocks of several
        shards overlap: a replica has twice the shards that it opens. 7,000 shards with 12 in flight are 1000 blocks of
        7, five at a time.
        """
        each = min(-(-shards // MAX_BLOCKS) or 1, in_flight)
        overlapping = 1 + -(-2 * (in_flight - 1) // each)
        return cls(count=-(-shards // each), shards=each, at_once=min(in_flight, overlapping))


class ShardStream(threading.Thread):
    """Runs the shards on its own thread, so that the main thread stays free for signals and decisions."""

    def __init__(self, plan: ReplicaPlan, shards: Sequence[StagedShard], bounds: ReplicaBounds) -> None:
        super().__init__(name="shard-stream", daemon=True)
        self._plan, self._shards, self._bounds = plan, shards, bounds
        self._pool = PoolBounds(bounds, plan.job_id)
        self.ended = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Push all shards through the pool; keep the error, if any, for the main thread."""
        try:
            self._run()
        except StreamEndedError:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self.ended.set()

    def resize(self, bounds: ReplicaBounds) -> None:
        """Let the pool grow or shrink; returns at once. See ``PoolBounds``."""
        self._pool.set(bounds)

    def end(self) -> None:
        """End the replicas and the stream without waiting for open shards; ``ended`` is set once they have ended."""
        self._pool.end()

    def _run(self) -> None:
        import ray.data
        from ray.data import ActorPoolStrategy, DataContext

        quiet_ray_data()
        self._pool.install(DataContext.get_current())
        settings = self._plan.settings
        blocks = Blocks.of(len(self._shards), settings.shards_in_flight)
        pool = ActorPoolStrategy(
            min_size=self._bounds.min,
            max_size=self._bounds.max,
            # Two more than run, so that the next block is at the actor when one ends.
            max_tasks_in_flight_per_actor=blocks.at_once + 2,
            max_concurrent_calls_per_actor=blocks.at_once,
        )
        items = [{"shard": shard.model_dump_json()} for shard in self._shards]
        dataset = ray.data.from_items(items, override_num_blocks=blocks.count).map_batches(
            ReplicaActor,
            fn_constructor_args=(self._plan,),
            batch_size=None,
            compute=pool,
            num_cpus=settings.cpus_per_replica,
            num_gpus=gpus_of(settings),
        )
        for _ in dataset.iter_batches(batch_size=None, prefetch_batches=0):
            pass  # the scoreboard holds the outcome of each shard, together with the open ones


def gpus_of(settings: EngineSettings) -> float | None:
    """Return the GPUs that one replica requests from Ray. ``accelerator: gpu`` is the only switch."""
    return settings.gpus_per_replica if settings.accelerator is Accelerator.GPU else None


def quiet_ray_data() -> None:
    """Switch off what a batch job does not need and what costs the engine's cores."""
    from ray.data import DataContext
    from ray.data._internal.execution import streaming_executor_state as executor_state

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False
    # Long rows are not a stall: heartbeats show progress, and each row has its own limit.
    context.execution_no_progress_timeout_s = _NO_PROGRESS_SECONDS
    # A pool may grow as soon as its replicas are full; Ray's own 1.75 would need more shards queued than we allow.
    context.autoscaling_config.actor_pool_util_upscaling_threshold = 1.0
    # The executor wakes ten times a second to look at tasks that take seconds; once a second is enough.
    executor_state.WAIT_FOR_TASK_COMPLETION_TIMEOUT_S = _POLL_SECONDS
    # Its consumer looks for output a hundred times a second, which takes 0.9 % of a core.
    executor_state.time = _SlowPolls()  # type: ignore[assignment, attr-defined]


class _SlowPolls:
    """The module ``time`` with longer sleeps, for code that polls."""

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)

    @staticmethod
    def sleep(seconds: float) -> None:
        """Sleep for at least a quarter of a second."""
        time.sleep(max(seconds, _OUTPUT_POLL_SECONDS))
