"""The beat of the driver: control in, orders to the replicas, progress out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.desk import Desk
from llmbatch.cluster.exchange.length_work import LengthWork
from llmbatch.cluster.exchange.replica_report import OpenWork
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.core.claims import claim
from llmbatch.core.control import Control
from llmbatch.core.length_cells import LengthClass
from llmbatch.core.progress import EtaState, Flight, ReplicaShare
from llmbatch.core.states import DesiredState, ExitReason, Phase


def test_control_reaches_the_scoreboard_and_absent_means_run(desk: Desk) -> None:
    desk.heartbeat.beat()
    desk.control(DesiredState.DRAIN)
    desk.heartbeat.beat()
    desk.store.put(desk.job.layout.control, b"{not json")
    desk.heartbeat.beat()
    assert desk.received == [DesiredState.RUN, DesiredState.DRAIN, DesiredState.DRAIN]


def test_the_limit_of_answers_goes_to_the_replicas_and_a_hold_is_theirs_alone(desk: Desk) -> None:
    desk.store.put(desk.job.layout.control, Control(max_tokens=7).model_dump_json().encode())
    desk.heartbeat.beat()
    desk.orders.hold(DesiredState.DRAIN)
    desk.heartbeat.beat()
    assert desk.orders.now.job.desired is DesiredState.RUN
    assert desk.stopping.reason() is None
    desk.orders.hold(DesiredState.RUN)
    desk.heartbeat.beat()
    assert desk.received == [DesiredState.RUN, DesiredState.DRAIN, DesiredState.RUN]
    assert desk.limits == [7, 7, 7]


def test_last_heartbeat_shows_how_it_ended(desk: Desk) -> None:
    desk.heartbeat.start()
    desk.heartbeat.finish(ExitReason.DRAINED, "on request")
    assert desk.written().phase is Phase.DRAINED
    assert (desk.written().exit_code, desk.written().message) == (10, "on request")


@pytest.mark.parametrize(
    ("last_generation", "received"), [(None, DesiredState.DRAIN), (1, DesiredState.DRAIN), (0, DesiredState.RUN)]
)
def test_a_drain_of_an_earlier_generation_does_not_hold_this_one(desk: Desk, last_generation, received) -> None:
    desk.control(DesiredState.DRAIN, "night shift", last_generation)
    desk.heartbeat.beat()
    assert desk.received == [received]
    assert desk.orders.now.job.reason == ("night shift" if received is DesiredState.DRAIN else "")


def test_a_superseded_generation_stops_and_leaves_progress_alone(desk: Desk) -> None:
    desk.heartbeat.beat()
    before = desk.written()
    claim(desk.store, desk.job.layout, owner="g2", now=desk.clock.now(), at_least=2)
    desk.heartbeat.beat()
    assert desk.stopping.reason() is None  # looked at every ten seconds
    before = desk.written()
    desk.clock.advance(10)
    desk.heartbeat.beat()
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.SUPERSEDED
    desk.heartbeat.finish(stop.reason, stop.message)
    assert desk.written() == before


def test_a_superseded_generation_leaves_no_trace(desk: Desk) -> None:
    claim(desk.store, desk.job.layout, owner="g2", now=desk.clock.now(), at_least=2)
    desk.clock.advance(40)
    desk.heartbeat.beat()
    desk.heartbeat.finish(ExitReason.SUPERSEDED, "a later generation works")
    assert list(desk.store.list(desk.job.layout.traces)) == []


def test_a_heartbeat_carries_its_estimate_and_what_it_is_made_of(desk: Desk) -> None:
    answered = LengthWork(ended=5, answered=5, tokens=50, tokens_squared=500, seconds=5)
    lengths = {LengthClass(chars, 16): replace(answered) for chars in (11, 12)}
    share = ReplicaShare(left=190, pace=10.0, reading=40.0)
    desk.snapshot = Snapshot(live=1, first_row_age=5, open=OpenWork(lengths=lengths, succeeded=10), shares=(share,))
    desk.heartbeat.beat()
    desk.clock.advance(1)
    for work in lengths.values():
        work.answer(10, 1.0)
    desk.heartbeat.beat()
    found = desk.written()
    assert sum(cell.rows for cell in found.lengths) == 200
    assert found.shares == (share,)
    assert found.eta_state is EtaState.ESTIMATED
    assert found.eta_reason.startswith("ETA ")


def test_a_heartbeat_has_a_live_rate_and_an_estimate_before_the_first_answer(desk: Desk) -> None:
    desk.snapshot = Snapshot(live=1, generated=0, flight=Flight())
    desk.heartbeat.beat()
    for second in range(1, 4):
        desk.clock.advance(1)
        running = LengthWork(running=8, running_seconds=8 * second, running_seconds_squared=8 * second**2)
        desk.snapshot = Snapshot(
            live=1,
            first_row_age=second,
            open=OpenWork(lengths={LengthClass(11, 16): running}, running=8),
            generated=40 * second,
            flight=Flight(tokens=40 * second, chars=400),
        )
        desk.heartbeat.beat()
    found = desk.written()
    assert (found.rows.ended, found.rows.running, found.rows.waiting) == (0, 8, 192)
    assert found.rates.recent_output_tokens_per_second == 40
    assert found.rates.output_tokens_per_second == 0
    assert found.eta_state is EtaState.ESTIMATED
    assert "no answer yet: the live rate" in found.eta_reason
    assert "output_tokens_per_s=40 " in found.line()


def test_a_replica_that_was_superseded_leaves_progress_alone_too(desk: Desk) -> None:
    desk.heartbeat.beat()
    before = desk.written()
    desk.heartbeat.finish(ExitReason.SUPERSEDED, "a commit met the fence")
    assert desk.written() == before


def test_a_control_object_of_a_later_version_is_obeyed_and_its_unknown_fields_are_named_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    newer = b'{"desired": "drain", "replicas": {"min": 1, "max": 2, "spare": 1}, "tier": "night"}'
    desk.store.put(desk.job.layout.control, newer)
    for _ in range(3):
        desk.heartbeat.beat()
    assert desk.received == [DesiredState.DRAIN] * 3
    assert caplog.text.count("event=control_unknown job_id=") == 1
    assert "fields=replicas.spare,tier" in caplog.text
