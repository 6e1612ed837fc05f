from __future__ import annotations

import pytest

from fakes.sla import alerts_of
from fakes.watched_job import WatchedJob
from llmbatch.core.alerts import Level
from llmbatch.core.request_options import Reactions

REACTIONS = Reactions(max_replicas=4)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> WatchedJob:
    return WatchedJob(monkeypatch, Reactions())


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> WatchedJob:
    return WatchedJob(monkeypatch, REACTIONS)


def test_an_end_counts_without_its_delivery_but_not_without_its_reactions(helped: WatchedJob) -> None:
    helped.poll(2, late=True)
    helped.broken = {"deliver": RuntimeError("killed"), "reaction": RuntimeError("killed")}
    assert not helped.watch.close(helped.store, helped.last)
    del helped.broken["reaction"]
    assert helped.watch.close(helped.store, helped.last)
    assert helped.asked == ["risk", "safe"]


def test_reactions_are_asked_for_once_a_heartbeat_and_taken_back_once(helped: WatchedJob) -> None:
    helped.poll(4, late=True)
    assert helped.asked == ["risk"] * 3
    helped.watch.look(helped.store, helped.last)
    assert helped.asked == ["risk"] * 3
    helped.poll(9, late=False)
    assert helped.asked[-1:] == ["safe"]
    assert helped.asked.count("safe") == 1


def test_a_restarted_watch_takes_reactions_back(helped: WatchedJob) -> None:
    helped.poll(2, late=True)
    helped.broken["reaction"] = RuntimeError("killed")
    helped.poll(5, late=False)
    assert helped.alerts == ["red-1", "ok-1"]
    helped.restart()
    helped.broken.clear()
    helped.poll(2, late=False)
    assert helped.asked == ["risk", "safe"]


def test_the_end_of_the_watch_takes_reactions_back(helped: WatchedJob) -> None:
    helped.poll(2, late=True)
    helped.clock.advance(1)
    assert helped.watch.close(helped.store, helped.last, "the task run ended as failed")
    assert helped.asked == ["risk", "safe"]
    assert alerts_of(helped.spec, helped.store)[-1].level is Level.OK


def test_a_reaction_that_fails_costs_no_alert(helped: WatchedJob) -> None:
    helped.broken["reaction"] = RuntimeError("no such model")
    helped.poll(5, late=True)
    helped.wait(43)
    assert helped.alerts == ["red-1", "yellow-1"]
    assert sum("no such model" in line for line in helped.said) == 1


def test_who_did_not_ask_for_reactions_gets_none(scene: WatchedJob) -> None:
    scene.poll(9, late=True)
    scene.watch.close(scene.store, scene.last)
    assert scene.asked == []


def test_pauses_are_taken_back_at_the_deadline_though_the_job_is_still_at_risk(helped: WatchedJob) -> None:
    helped.poll(4, late=True)
    helped.clock.advance((helped.spec.deadline - helped.clock.now()).total_seconds())
    helped.poll(3, late=True)
    assert helped.asked == ["risk"] * 3 + ["safe"]
