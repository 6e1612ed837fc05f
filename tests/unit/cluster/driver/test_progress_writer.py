"""Heartbeats and traces as they are written, and a store that fails."""

from __future__ import annotations

import threading

import pytest

from fakes.desk import Desk
from llmbatch.cluster.driver.versions import versions
from llmbatch.core.errors import StoreError
from llmbatch.core.eta.trace import EstimateTrace
from llmbatch.core.progress import EtaState
from llmbatch.core.states import ExitReason


def test_sequence_rises_also_over_generations(desk: Desk) -> None:
    desk.heartbeat.beat()
    desk.heartbeat.beat()
    assert desk.written().sequence == 2
    again = desk.new_heartbeat()
    again.beat()
    assert desk.written().sequence == 3


def test_a_heartbeat_names_the_versions_of_its_writer(desk: Desk) -> None:
    desk.heartbeat.beat()
    assert desk.written().versions == versions()


def test_lines_are_rare(desk: Desk) -> None:
    for _ in range(25):
        desk.heartbeat.beat()
        desk.clock.advance(1)
    assert len(desk.lines) == 3


def test_a_failed_write_is_repeated_and_only_five_minutes_lose_the_store(desk: Desk) -> None:
    desk.store.down = True
    desk.heartbeat.beat()
    desk.clock.advance(299)
    desk.heartbeat.beat()
    assert not desk.heartbeat.store_lost
    desk.store.down = False
    desk.heartbeat.beat()
    assert desk.written().sequence == 1
    desk.store.down = True
    desk.clock.advance(10)
    desk.heartbeat.beat()
    desk.clock.advance(301)
    assert desk.heartbeat.store_lost
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.STORE_UNREACHABLE


@pytest.mark.parametrize("call", ["get", "list", "put"])
def test_a_store_that_never_answers_is_lost_after_five_minutes_while_a_call_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    desk.heartbeat.beat()
    desk.clock.advance(60)
    waits, answer = threading.Event(), threading.Event()

    def silent(*_: object) -> object:
        waits.set()
        answer.wait(60)
        raise StoreError("read timeout")

    monkeypatch.setattr(desk.store, call, silent)
    beating = threading.Thread(target=desk.heartbeat.beat, daemon=True)
    beating.start()
    assert waits.wait(60)
    desk.clock.advance(299)
    assert not desk.heartbeat.store_lost
    desk.clock.advance(2)
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.STORE_UNREACHABLE
    desk.heartbeat.finish(stop.reason, stop.message)  # does not wait for the call, nor begin another one
    answer.set()
    beating.join(60)


def test_a_beat_that_is_written_is_not_counted(desk: Desk) -> None:
    for _ in range(4):
        desk.heartbeat.beat()
        desk.clock.advance(200)
    assert not desk.heartbeat.store_lost


def trace_of(desk: Desk) -> EstimateTrace:
    return EstimateTrace.model_validate_json(desk.store.get(desk.job.layout.trace(1)))


def test_estimates_are_kept_every_half_minute_and_at_the_end(desk: Desk) -> None:
    written = []
    for _ in range(70):
        desk.heartbeat.beat()
        desk.clock.advance(1)
        written.append(desk.store.objects.get(desk.job.layout.trace(1)))
    assert written[:30] == [None] * 30
    assert len(set(written)) == 3
    desk.heartbeat.finish(ExitReason.COMMITTED, "done")
    assert len(trace_of(desk).points) == 71
    assert trace_of(desk).points[-1].seconds == (0, 0, 0)
    assert desk.written().eta_state is EtaState.FINISHED


def test_a_trace_that_cannot_be_written_does_no_harm(desk: Desk) -> None:
    desk.store.refused = "/traces/"
    for _ in range(40):
        desk.heartbeat.beat()
        desk.clock.advance(10)
    assert desk.written().sequence == 40
    assert not desk.heartbeat.store_lost
