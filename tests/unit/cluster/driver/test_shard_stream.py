"""The thread of a stream: how it ends, and what a replica requests from Ray."""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from llmbatch.cluster.driver import shard_stream
from llmbatch.cluster.driver.pool_bounds import PoolBounds, StreamEndedError
from llmbatch.cluster.driver.shard_stream import MAX_BLOCKS, Blocks, ShardStream, gpus_of, quiet_ray_data
from llmbatch.cluster.replica.replica_actor import ReplicaPlan
from llmbatch.cluster.storage.store import StoreEnvironment
from llmbatch.core.control import ReplicaBounds
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.shards import StagedShard

PATIENCE_SECONDS = 60
"""Before a thread that does not end is a failed test; no measure of speed."""


def failing(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(("error", "is_kept"), [(RuntimeError("broken"), True), (StreamEndedError(), False)])
def test_a_stream_keeps_its_error_unless_it_was_ended_on_request(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, is_kept: bool
) -> None:
    monkeypatch.setattr(shard_stream, "quiet_ray_data", failing(error))
    plan = ReplicaPlan("job-1", 1, "s3://b/jobs/job-1", "m", EngineSettings(), StoreEnvironment({}), None)
    stream = ShardStream(plan, [], ReplicaBounds(min=1, max=1))
    assert not stream.ended.is_set()
    stream.start()
    assert stream.ended.wait(PATIENCE_SECONDS)
    assert stream.error is (error if is_kept else None)


class Asked:
    """Stands for a data set of Ray: notes what a stream requests and ends at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import ray.data

        self.options: dict[str, Any] = {}
        monkeypatch.setattr(shard_stream, "quiet_ray_data", lambda: None)
        monkeypatch.setattr(PoolBounds, "install", lambda *_: None)
        monkeypatch.setattr(ray.data, "from_items", lambda items, **_: self)

    def map_batches(self, actor: type, **options: Any) -> Asked:
        self.options = options
        return self

    def iter_batches(self, **_: Any) -> list[Any]:
        return []


@pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")  # of Ray about itself
@pytest.mark.parametrize("in_flight", [1, 12, 40])
def test_an_actor_has_as_many_open_shards_as_configured(monkeypatch: pytest.MonkeyPatch, in_flight: int) -> None:
    asked = Asked(monkeypatch)
    settings = EngineSettings(shards_in_flight=in_flight)
    plan = ReplicaPlan("job-1", 1, "s3://b/jobs/job-1", "m", settings, {}, None)
    shards = [
        StagedShard(shard_id=f"shard-{n:05d}", rows=1, invalid_rows=0, input_chars=1, etag="e") for n in range(100)
    ]
    stream = ShardStream(plan, shards, ReplicaBounds(min=1, max=2))
    stream.run()
    assert stream.error is None
    pool = asked.options["compute"]
    assert (pool.min_size, pool.max_size) == (1, 2)
    assert pool.max_concurrent_calls_per_actor == in_flight
    assert in_flight < pool.max_tasks_in_flight_per_actor <= in_flight + 2


@pytest.mark.parametrize(
    ("settings", "gpus"),
    [
        ({"gpus_per_replica": 2}, None),
        ({"accelerator": Accelerator.GPU}, 1),
        ({"accelerator": Accelerator.GPU, "gpus_per_replica": 2}, 2),
    ],
)
def test_the_accelerator_alone_decides_about_gpus(settings: Any, gpus: float | None) -> None:
    assert gpus_of(EngineSettings(**settings)) == gpus


@pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")  # of Ray about itself
def test_long_rows_do_not_count_as_a_stall_and_nothing_is_drawn() -> None:
    from ray.data import DataContext

    quiet_ray_data()
    context = DataContext.get_current()
    assert context.execution_no_progress_timeout_s >= 24 * 3600
    assert (context.enable_progress_bars, context.enable_operator_progress_bars) == (False, False)


@pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")  # of Ray about itself
def test_the_consumer_of_a_stream_looks_for_output_four_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.data._internal.execution import streaming_executor_state as executor_state

    quiet_ray_data()
    slept: list[float] = []

    class Waiting(Exception):
        pass

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise Waiting

    monkeypatch.setattr(shard_stream.time, "sleep", sleep)
    queue = Mock(**{"has_next.return_value": False, "pop.return_value": None})
    state = Mock(_exception=None, _finished=False, _num_waiting_consumers=0, output_queue=queue)
    state._waiting_consumers_lock = threading.Lock()
    with pytest.raises(Waiting):
        executor_state.OpState.get_output_blocking(state, None)
    assert slept == [0.25]
    assert executor_state.time.time() == pytest.approx(time.time(), abs=60)


def test_neither_text_nor_ray_s_export_of_the_operator_holds_a_secret() -> None:
    from ray.data._internal.metadata_exporter import sanitize_for_struct

    secret = "a-secret-of-a-test"
    environment = StoreEnvironment({"AWS_SECRET_ACCESS_KEY": secret})
    plan = ReplicaPlan("job-1", 1, "s3://b/jobs/job-1", "m", EngineSettings(), environment, None)
    exported = str(sanitize_for_struct({"_fn_constructor_args": (plan,)}))
    assert "s3://b/jobs/job-1" in exported
    assert secret not in exported + repr(plan) + str(plan)


@pytest.mark.parametrize("in_flight", [1, 3, 12, 256])
@pytest.mark.parametrize("shards", [1, 1024, 1025, 2048, 6145, 7000, 12_289, 25_000, 1_000_000])
def test_blocks_hold_every_shard_and_each_a_bounded_number(shards: int, in_flight: int) -> None:
    blocks = Blocks.of(shards, in_flight)
    assert (blocks.count - 1) * blocks.shards < shards <= blocks.count * blocks.shards
    assert blocks.shards <= in_flight  # at most that many are run again for one open block of a replica that died
    assert blocks.count <= MAX_BLOCKS or blocks.shards == in_flight
    assert blocks.at_once * blocks.shards >= in_flight


def test_a_small_job_gives_one_shard_at_a_time() -> None:
    assert Blocks.of(1024, 12) == Blocks(count=1024, shards=1, at_once=12)
    assert Blocks.of(7000, 12) == Blocks(count=1000, shards=7, at_once=5)
    assert Blocks.of(0, 12).count == 0


@pytest.mark.parametrize("shards", [1024, 2048, 6145, 7000, 12_289, 25_000])
def test_a_replica_is_busy_however_many_shards_the_job_has(shards: int) -> None:
    assert busy_share(shards, 12, Blocks.of(shards, 12)) > 0.95


def busy_share(shards: int, in_flight: int, blocks: Blocks) -> float:
    """Simulate one replica over shards of unequal length; return the mean share of its open shards."""
    chance = random.Random(0)
    lengths = [chance.lognormvariate(0, 0.6) for _ in range(shards)]
    given = iter(range(0, shards, blocks.shards))
    left: dict[int, int] = {}
    waiting: deque[tuple[int, int]] = deque()
    running: list[tuple[float, int]] = []
    now = 0.0
    while True:
        while len(left) < blocks.at_once and (block := next(given, None)) is not None:
            members = range(block, min(shards, block + blocks.shards))
            left[block] = len(members)
            waiting.extend((shard, block) for shard in members)
        while waiting and len(running) < in_flight:
            shard, block = waiting.popleft()
            heapq.heappush(running, (now + lengths[shard], block))
        if not running:
            return sum(lengths) / in_flight / now
        now, block = heapq.heappop(running)
        left[block] -= 1
        if not left[block]:
            del left[block]
