"""The size of a running actor pool, changed from outside: a leaf on Ray Data's internals, which ADR 6 explains.

Ray Data 2.60.0 fixes a pool's bounds when the dataset is built. It does call *execution callbacks* on its own thread
between two steps of its loop, so that whatever happens in one is as safe as Ray's own code.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from typing import TYPE_CHECKING, Any

from llmbatch.core.control import ReplicaBounds
from llmbatch.core.ray_version import RAY_VERSION

if TYPE_CHECKING:
    from ray.data import DataContext

_POOL_NEEDS = ("_config", "_running_actors", "_alive_actors_to_in_flight_tasks_heap", "_alive_node_to_actor_heap")
_log = logging.getLogger(__name__)


class StreamEndedError(Exception):
    """The stream was ended on request; not an error of the run."""


class PoolBounds:
    """Bounds of the one actor pool of one dataset.

    ``set`` and ``end`` may be called from any thread, at any time; the pool follows at Ray's next step, a second later
    at most. It grows by Ray's own autoscaler, which starts what is missing. It shrinks in two steps: replicas that are
    too many are hidden from the choice of a replica for the next shard, and when one has run empty, the autoscaler
    drops it. So no shard that has begun is lost or run twice; a replica ends when its last open shard is committed.
    """

    def __init__(self, bounds: ReplicaBounds, job_id: str) -> None:
        self._bounds, self._job_id = bounds, job_id
        self._ending = False
        self._lock = threading.Lock()
        self._retiring: set[Any] = set()

    def set(self, bounds: ReplicaBounds) -> None:
        """Let the pool have between ``min`` and ``max`` replicas from now on."""
        with self._lock:
            self._bounds = bounds

    def end(self) -> None:
        """End all replicas now, and the dataset with ``StreamEndedError``. What is open is not committed."""
        with self._lock:
            self._ending = True

    def install(self, context: DataContext) -> None:
        """Be called at each step of the next dataset of this context, instead of an earlier one of these.

        Raises:
            RuntimeError: the installed Ray is not ``RAY_VERSION``.
        """
        import ray

        if ray.__version__ != RAY_VERSION:
            raise RuntimeError(
                f"the size of a running pool can be changed in Ray {RAY_VERSION} only, and this is {ray.__version__}; "
                "install that one, or look through llmbatch.cluster.driver.pool_bounds for the new one"
            )
        # Ray calls each entry to get a callback. A class would be pickled by value to every worker, with its state.
        context.custom_execution_callback_classes = [self]  # type: ignore[list-item]

    # What Ray calls.

    def __call__(self) -> PoolBounds:
        """Stand in for a class: return the callback of the one dataset."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> PoolBounds:
        return self  # each dataset copies its context

    def __reduce__(self) -> tuple[type[PoolBounds], tuple[ReplicaBounds, str]]:
        return PoolBounds, (self._bounds, self._job_id)  # workers get the context too, and call nothing in it

    def before_execution_starts(self, executor: Any) -> None:
        """Check Ray's internals before any replica starts. Raises ``RuntimeError``."""
        _pool_of(executor)

    def on_execution_step(self, executor: Any) -> None:
        """Apply the bounds."""
        pool = _pool_of(executor)
        with self._lock:
            bounds, ending = self._bounds, self._ending
        if ending:
            pool.shutdown(force=True)
            raise StreamEndedError("the stream was ended on request")
        if (pool.min_size(), pool.max_size()) != (bounds.min, bounds.max):
            now = pool.current_size()
            _log.info("event=resize job_id=%s min=%d max=%d now=%d", self._job_id, bounds.min, bounds.max, now)
            pool._config = dataclasses.replace(
                pool._config, min_size=bounds.min, max_size=bounds.max, initial_size=bounds.min
            )
        self._retire(pool, bounds.max)

    def after_execution_succeeds(self, executor: Any) -> None:
        """Nothing to do."""

    def after_execution_fails(self, executor: Any, error: Exception) -> None:
        """Nothing to do."""

    def _retire(self, pool: Any, most: int) -> None:
        """Hide replicas that are too many, the least busy ones first; Ray's refresh of the step before showed all."""
        running: dict[Any, Any] = pool._running_actors
        # Replicas that are still starting are dropped by the autoscaler before any other.
        excess = min(len(running), max(0, pool.current_size() - most))
        by_work = sorted(running, key=lambda actor: (actor not in self._retiring, running[actor].num_tasks_in_flight))
        self._retiring = set(by_work[:excess])
        for actor in self._retiring:
            for heap in (pool._alive_actors_to_in_flight_tasks_heap, *pool._alive_node_to_actor_heap.values()):
                if actor in heap:
                    del heap[actor]


def _pool_of(executor: Any) -> Any:
    """Return the one actor pool of a dataset. Raises ``RuntimeError`` if Ray is not as expected."""
    operators = getattr(executor, "_topology", None)
    if operators is None:
        raise RuntimeError(f"Ray Data's executor has no _topology, which Ray {RAY_VERSION} has; is it another Ray?")
    pools = [pool for operator in operators for pool in operator.get_autoscaling_actor_pools()]
    if len(pools) != 1:
        raise RuntimeError(f"the dataset has {len(pools)} actor pools instead of the one of the replicas")
    missing = [name for name in _POOL_NEEDS if not hasattr(pools[0], name)]
    if missing:
        raise RuntimeError(f"Ray Data's pool has no {missing[0]}, which Ray {RAY_VERSION} has; is it another Ray?")
    return pools[0]
