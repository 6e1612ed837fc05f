"""The leaf on Ray Data's actor pool, with Ray's own pool and fake actors; no cluster."""

from __future__ import annotations

import copy
import itertools
import pickle
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.data._internal.actor_autoscaler.autoscaling_actor_pool import ActorPoolScalingRequest, AutoscalingActorConfig
from ray.data._internal.execution.interfaces import ExecutionResources
from ray.data._internal.execution.operators.actor_pool_map_operator import _ActorPool

from llmbatch.cluster.driver.pool_bounds import PoolBounds, StreamEndedError
from llmbatch.core.control import ReplicaBounds


class Pool:
    """Ray's pool over names instead of actors, and the steps of Ray's loop that matter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
        self.names = itertools.count(1)
        alive = "ray.data._internal.execution.operators.actor_pool_map_operator._ACTOR_STATE_ALIVE"
        monkeypatch.setattr(alive, "alive")
        monkeypatch.setattr(ray, "get", lambda ref: "node")
        self.killed: list[Any] = []
        monkeypatch.setattr(ray, "kill", self.killed.append)
        config = AutoscalingActorConfig(size, size, size, 3, 2, ExecutionResources(cpu=1))
        self.ray = _ActorPool(self.create, config, debounce_period_s=0)
        operator = SimpleNamespace(get_autoscaling_actor_pools=lambda: [self.ray])
        other = SimpleNamespace(get_autoscaling_actor_pools=list)
        self.executor = SimpleNamespace(_topology=[other, operator])
        self.bounds = PoolBounds(ReplicaBounds(min=size, max=size), "job-1")
        self.ray.scale(ActorPoolScalingRequest(delta=size))
        self.ready()
        self.step()

    def create(self, labels: Any, logical_id: str) -> Any:
        name = f"actor-{next(self.names)}"
        return Actor(name), f"ref of {name}", ExecutionResources(cpu=1)

    def ready(self) -> None:
        for ref in self.ray.get_pending_actor_refs():
            self.ray.pending_to_running(ref)

    def autoscale(self) -> None:
        """Do what Ray's autoscaler does about bounds."""
        now, pool = self.ray.current_size(), self.ray
        if now < pool.min_size():
            pool.scale(ActorPoolScalingRequest.upscale(delta=pool.min_size() - now))
        elif now > pool.max_size():
            pool.scale(ActorPoolScalingRequest.downscale(delta=pool.max_size() - now, force=True))

    def step(self) -> None:
        """One step of Ray's loop."""
        self.autoscale()
        self.ray.refresh_actor_state()
        self.bounds.on_execution_step(self.executor)

    def submit(self, count: int) -> list[Actor]:
        found = []
        for _ in range(count):
            actor = self.ray.select_actors()
            if actor is None:
                break
            self.ray.on_task_submitted(actor)
            found.append(actor)
        return found


class Actor(str):
    def _get_local_state(self) -> str:
        return "alive"


def test_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, 1)
    pool.bounds.set(ReplicaBounds(min=3, max=4))
    pool.step()
    assert (pool.ray.min_size(), pool.ray.max_size(), pool.ray.current_size()) == (3, 4, 1)
    pool.step()
    assert (pool.ray.current_size(), pool.ray.num_pending_actors()) == (3, 2)


def test_a_retiring_replica_gets_no_shard_and_ends_when_its_last_one_has(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, 2)
    first = pool.submit(3)  # two on one, one on the other: the latter retires
    busy, retiring = max(set(first), key=first.count), min(set(first), key=first.count)
    pool.bounds.set(ReplicaBounds(min=1, max=1))
    for _ in range(3):
        pool.step()
        assert set(pool.submit(1)) <= {busy}
    assert pool.submit(9) == []
    assert pool.ray.current_size() == 2  # it still has a shard
    pool.ray.on_task_completed(retiring)
    pool.step()
    assert pool.ray.num_running_actors() == 1
    assert pool.killed == []


def test_the_same_replica_retires_whatever_the_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, 2)
    one, other, *_ = pool.submit(4)
    pool.bounds.set(ReplicaBounds(min=1, max=1))
    pool.step()
    [staying] = set(pool.submit(1))
    retiring = other if staying == one else one
    for _ in range(2):
        pool.ray.on_task_completed(staying)
    pool.step()  # now the one that stays has less to do
    assert retiring not in pool.submit(9)


def test_a_retiring_replica_works_again_when_it_is_wanted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, 2)
    pool.submit(2)
    pool.bounds.set(ReplicaBounds(min=1, max=1))
    pool.step()
    pool.bounds.set(ReplicaBounds(min=2, max=2))
    pool.step()
    pool.step()
    assert len(set(pool.submit(4))) == 2


def test_a_replica_that_is_still_starting_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, 1)
    pool.submit(1)
    pool.bounds.set(ReplicaBounds(min=2, max=2))
    pool.step()
    pool.step()
    assert pool.ray.num_pending_actors() == 1
    pool.bounds.set(ReplicaBounds(min=1, max=1))
    pool.step()
    pool.step()
    assert (pool.ray.num_pending_actors(), pool.ray.num_running_actors()) == (0, 1)
    assert pool.submit(1)


def test_end_kills_all_and_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, 2)
    pool.submit(3)
    pool.bounds.end()
    with pytest.raises(StreamEndedError):
        pool.step()
    assert len(pool.killed) == 2
    assert pool.ray.current_size() == 0


@pytest.mark.parametrize(
    ("pools", "message"),
    [
        ([], "0 actor pools"),
        ([1, 2], "2 actor pools"),
        ([SimpleNamespace(_config=None)], "has no _running_actors, which Ray 2.60.0 has"),
    ],
)
def test_another_ray_is_refused_before_a_replica_starts(pools: list[Any], message: str) -> None:
    operator = SimpleNamespace(get_autoscaling_actor_pools=lambda: pools)
    bounds = PoolBounds(ReplicaBounds(min=1, max=1), "job-1")
    with pytest.raises(RuntimeError, match=message):
        bounds.before_execution_starts(SimpleNamespace(_topology=[operator]))
    with pytest.raises(RuntimeError, match="has no _topology"):
        bounds.before_execution_starts(SimpleNamespace())


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "__version__", "2.61.0")
    with pytest.raises(RuntimeError, match=r"in Ray 2\.60\.0 only, and this is 2\.61\.0; install that one"):
        PoolBounds(ReplicaBounds(min=1, max=1), "job-1").install(SimpleNamespace())  # type: ignore[arg-type]


def test_it_travels_with_the_context_but_only_the_drivers_one_acts() -> None:
    context = SimpleNamespace()
    bounds = PoolBounds(ReplicaBounds(min=1, max=2), "job-1")
    bounds.install(context)  # type: ignore[arg-type]
    [entry] = copy.deepcopy(context).custom_execution_callback_classes
    assert entry() is bounds
    assert isinstance(pickle.loads(pickle.dumps(entry)), PoolBounds)
