"""The driver's side of Ray: the cluster that it joins, and the scoreboard that it calls."""

from __future__ import annotations

import logging
import os
from typing import Any

import ray

from llmbatch.cluster.exchange.replica_report import Orders
from llmbatch.cluster.exchange.scoreboard import Scoreboard, Snapshot

_log = logging.getLogger(__name__)


def connect_ray() -> None:
    """Join the cluster of ``RAY_ADDRESS``; without it start a small one in this process, for tests and trials."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(address="auto", **options)
    else:
        ray.init(include_dashboard=False, **options)


def start_scoreboard() -> Any:
    """Start the scoreboard beside the driver: if this node dies, so does the job, and with it the need to count."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    actor: Any = ray.remote(Scoreboard)
    return actor.options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()


def exchange(scoreboard: Any, job_id: str, orders: Orders, epoch: str, known: int) -> Snapshot | None:
    """Send orders to the scoreboard and return its fold; None if it does not answer within 10 s."""
    try:
        answer: Snapshot = ray.get(scoreboard.beat.remote(orders, epoch, known), timeout=10)
    except ray.exceptions.RayError as error:
        _log.warning("event=scoreboard_silent job_id=%s error=%s", job_id, type(error).__name__)
        return None
    return answer


def forget_replicas(scoreboard: Any, job_id: str) -> None:
    """Remove ended replicas from the scoreboard."""
    try:
        ray.get(scoreboard.forget_replicas.remote(), timeout=10)
    except ray.exceptions.RayError as error:
        _log.warning("event=scoreboard_silent job_id=%s error=%s", job_id, type(error).__name__)
