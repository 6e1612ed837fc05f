"""The thread of a stream: how it ends, and what a replica requests from Ray."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmbatch.cluster.driver import shard_stream
from llmbatch.cluster.driver.pool_bounds import PoolBounds, StreamEndedError
from llmbatch.cluster.driver.shard_stream import ShardStream, gpus_of, quiet_ray_data
from llmbatch.cluster.replica.replica_actor import ReplicaPlan
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
    plan = ReplicaPlan("job-1", 1, "s3://b/jobs/job-1", "m", EngineSettings(), {}, None)
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
