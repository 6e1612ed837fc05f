"""The driver's calls of Ray: the cluster that it joins, and a scoreboard that does not answer."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from llmbatch.cluster.driver.ray_link import connect_ray, exchange, forget_replicas
from llmbatch.cluster.exchange.replica_report import Orders
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.core.states import DesiredState


@pytest.mark.parametrize(
    ("address", "chosen"), [("10.0.0.1:6379", {"address": "auto"}), ("", {"include_dashboard": False})]
)
def test_it_joins_the_cluster_of_its_environment_or_starts_one(
    monkeypatch: pytest.MonkeyPatch, address: str, chosen: dict[str, object]
) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(ray, "init", lambda **options: calls.append(options))
    monkeypatch.setenv("RAY_ADDRESS", address)
    connect_ray()
    [options] = calls
    assert {name: options[name] for name in ("address", "include_dashboard") if name in options} == chosen
    assert not options["log_to_driver"]


def scoreboard() -> Any:
    """A handle whose calls return what they were given."""
    call = SimpleNamespace(remote=lambda *given: given)
    return SimpleNamespace(beat=call, forget_replicas=call)


def test_orders_are_sent_and_the_fold_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr(ray, "get", lambda call, timeout: (sent.append(call), Snapshot(live=3))[1])
    orders = Orders(DesiredState.DRAIN)
    assert exchange(scoreboard(), "job-1", orders, "epoch", 7) == Snapshot(live=3)
    assert sent == [(orders, "epoch", 7)]


def test_a_silent_scoreboard_costs_one_beat_and_not_the_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def silent(call: object, timeout: float) -> None:
        raise ray.exceptions.GetTimeoutError

    monkeypatch.setattr(ray, "get", silent)
    with caplog.at_level(logging.WARNING):
        assert exchange(scoreboard(), "job-1", Orders(), "", 0) is None
        forget_replicas(scoreboard(), "job-1")
    assert caplog.messages == ["event=scoreboard_silent job_id=job-1 error=GetTimeoutError"] * 2
