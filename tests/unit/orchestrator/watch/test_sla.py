from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from fakes.proofs import put_proof
from fakes.sla import alerts_of, heartbeat
from fakes.watched_job import START, WatchedJob
from llmbatch.core.clock import ManualClock
from llmbatch.core.config import CONFIG_ENV
from llmbatch.core.errors import StoreError
from llmbatch.core.heartbeat import Heartbeat, Pulse
from llmbatch.core.request_options import Reactions
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.watch import sla as sla_watch
from llmbatch.orchestrator.watch.sla import SlaWatch, finished_reason


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> WatchedJob:
    return WatchedJob(monkeypatch, Reactions())


def test_a_job_that_cannot_make_it_is_told_once_by_each_voice(scene: WatchedJob) -> None:
    scene.poll(5, late=True)
    for minute in (41, 43, 55, 61, 62):
        scene.wait(minute)
        scene.poll(3, late=True)
    assert scene.alerts == ["red-1", "yellow-1", "critical-1"]
    red = alerts_of(scene.spec, scene.store)[0]
    assert (red.raised_by, red.reason) == ("sensor", "rows are long")
    assert red.miss_probability == pytest.approx(1, abs=0.01)
    assert red.late_seconds is not None
    assert red.late_seconds > 3600


def test_a_job_that_makes_it_hears_nothing(scene: WatchedJob) -> None:
    scene.poll(50, late=False)
    assert scene.watch.close(scene.store, scene.last)
    assert scene.alerts == []
    assert scene.sent == []


def test_a_rescued_job_goes_red_and_ok(scene: WatchedJob) -> None:
    scene.poll(3, late=True)
    scene.poll(9, late=False)
    assert scene.alerts == ["red-1", "ok-1"]
    assert scene.watch.close(scene.store, scene.last)
    assert scene.alerts == ["red-1", "ok-1"]


@pytest.mark.parametrize("minute", [None, 50.0, 61.0])
def test_a_restart_repeats_nothing_and_loses_nothing(scene: WatchedJob, minute: float | None) -> None:
    scene.poll(2, late=True)
    if minute is not None:
        scene.wait(minute)
    before = scene.alerts
    scene.restart()
    scene.poll(4, late=True)
    assert scene.alerts == before
    scene.restart()
    scene.poll(9, late=False)
    assert scene.alerts == before + (["ok-1"] if minute != 61.0 else [])


def test_what_was_raised_before_a_crash_is_sent_after_it(scene: WatchedJob) -> None:
    scene.broken["deliver"] = RuntimeError("killed")
    scene.poll(2, late=True)
    assert (scene.alerts, scene.sent) == (["red-1"], [])
    scene.restart()
    del scene.broken["deliver"]
    scene.poll(1, late=True)
    assert scene.sent == [1]


def test_what_a_sink_did_not_take_is_offered_again_but_not_at_every_look(scene: WatchedJob) -> None:
    scene.poll(2, late=True)
    scene.poll(6, late=True)
    assert len(scene.sent) == 1
    scene.poll(2, late=True)
    assert len(scene.sent) == 2


def test_a_clock_that_is_set_back_delays_no_delivery(scene: WatchedJob) -> None:
    scene.poll(2, late=True)
    scene.clock.set_back(600)
    scene.poll(7, late=True)
    assert len(scene.sent) == 1
    scene.poll(1, late=True)
    assert len(scene.sent) == 2


def test_a_store_that_fails_delays_an_alert_and_costs_nothing_else(scene: WatchedJob) -> None:
    create = scene.store.create

    def refuse(uri: str, body: bytes) -> Any:
        raise StoreError("no route")

    scene.store.create = refuse  # type: ignore[method-assign]
    scene.poll(5, late=True)
    assert scene.alerts == []
    assert sum("no route" in line for line in scene.said) == 1
    scene.store.create = create  # type: ignore[method-assign]
    scene.poll(1, late=True)
    assert scene.alerts == ["red-1"]


def test_a_stall_hides_neither_yellow_nor_critical(scene: WatchedJob) -> None:
    scene.poll(1, late=False)
    for minute in (43, 44, 61):
        scene.wait(minute)
    assert scene.alerts == ["yellow-1", "critical-1"]
    yellow = alerts_of(scene.spec, scene.store)[0]
    assert (yellow.eta, yellow.miss_probability) == (None, None)
    assert "last heartbeat is 25" in yellow.reason


def test_no_heartbeat_at_all_hides_them_neither(scene: WatchedJob) -> None:
    for minute in (41, 43, 61):
        scene.wait(minute)
    assert scene.alerts == ["yellow-1", "critical-1"]


def test_a_stale_heartbeat_breaks_the_row(scene: WatchedJob) -> None:
    scene.poll(1, late=True)
    scene.wait(2)
    scene.poll(1, late=True)
    assert scene.alerts == []
    scene.poll(1, late=True)
    assert scene.alerts == ["red-1"]


def test_another_watcher_s_alert_is_not_raised_again(scene: WatchedJob) -> None:
    other = SlaWatch(scene.spec.root_uri, scene.clock, logging.getLogger("other"), raised_by="deadline")
    scene.poll(1, late=False)
    scene.clock.advance(43 * 60)
    other.look(scene.store, None)
    scene.watch.look(scene.store, scene.last)
    assert scene.alerts == ["yellow-1"]
    assert alerts_of(scene.spec, scene.store)[0].raised_by == "deadline"


def test_a_finished_job_has_missed_nothing_while_its_watch_goes_on(scene: WatchedJob) -> None:
    scene.poll(1, late=True)
    put_proof(scene.store, scene.spec.layout)
    scene.poll(5, late=True)
    scene.wait(61)
    assert scene.alerts == []


@pytest.mark.parametrize("minute", [50, 70])
def test_the_end_of_the_watch_ends_what_fires(scene: WatchedJob, minute: float) -> None:
    scene.poll(2, late=True)
    scene.wait(minute)
    sent = len(scene.sent)
    scene.clock.advance(1)
    assert scene.watch.close(scene.store, scene.last)
    assert scene.alerts[-1] == "ok-1"
    last = alerts_of(scene.spec, scene.store)[-1]
    said = {50: "9 min 59 s before", 70: "10 min after"}[int(minute)]  # a second passes before the end
    assert last.reason == f"the job finished {said} its deadline"
    assert len(scene.sent) == sent + 1
    assert scene.watch.close(scene.store, scene.last)
    assert "ok-2" not in scene.alerts


def test_an_end_that_the_store_refuses_is_told_to_the_caller(scene: WatchedJob) -> None:
    scene.poll(2, late=True)

    def fail(prefix: str) -> Any:
        raise StoreError("no route")

    scene.store.list = fail  # type: ignore[method-assign]
    assert not scene.watch.close(scene.store, scene.last)


def test_a_missing_configuration_costs_no_alert(scene: WatchedJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_ENV, "/absent.yaml")
    monkeypatch.setattr(sla_watch, "load_settings", load_settings)
    scene.wait(31)
    scene.poll(100, late=True)
    assert scene.alerts == ["red-1"]
    assert sum("default SLA thresholds" in line for line in scene.said) == 1


def test_the_clause_about_the_finish() -> None:
    assert finished_reason(START, START) == "the job finished 0 s before its deadline"
    assert finished_reason(START, START + timedelta(seconds=90)) == "the job finished 1 min 30 s after its deadline"


def test_what_another_watcher_said_counts_before_a_number_is_taken(scene: WatchedJob) -> None:
    scene.poll(1, late=False)
    mine, scene.sequence = scene.watch, 100
    scene.restart()
    scene.poll(2, late=True)
    scene.poll(5, late=False)
    assert scene.alerts == ["red-1", "ok-1"]
    scene.watch = mine
    scene.poll(2, late=True)
    assert scene.alerts == ["red-1", "ok-1", "red-2"]


def test_a_new_alert_is_sent_at_once(scene: WatchedJob) -> None:
    scene.poll(2, late=True)
    scene.poll(5, late=False)
    assert scene.alerts == ["red-1", "ok-1"]
    assert scene.sent == [1, 2]


@pytest.mark.parametrize("ahead", [65, -65, 3600, -3600])
def test_a_risk_is_raised_and_reacted_to_whatever_the_driver_s_clock_shows(
    monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    scene = WatchedJob(monkeypatch, Reactions(max_replicas=4))
    pulse, driver = Pulse(scene.clock), ManualClock(START + timedelta(seconds=ahead))
    for sequence in range(1, 4):
        scene.clock.advance(2)
        driver.advance(2)
        late = heartbeat(scene.spec, scene.clock.now(), sequence, late=True)
        read = Heartbeat(late.model_copy(update={"written_at": driver.now()}), age=0.0)
        scene.watch.look(scene.store, pulse.date(read))
    assert scene.alerts == ["red-1"]
    assert scene.asked
    red = alerts_of(scene.spec, scene.store)[0]
    assert red.miss_probability == pytest.approx(1, abs=0.01)
    assert red.reason == "rows are long"
