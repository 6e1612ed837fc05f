"""The driver's heartbeat: control in, progress out, retries of writes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmbatch.cluster.driver.estimator import estimator_of
from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.orders import JobOrders
from llmbatch.cluster.driver.progress_writer import ProgressWriter
from llmbatch.cluster.driver.stop import Stopping
from llmbatch.cluster.exchange.length_work import LengthWork
from llmbatch.cluster.exchange.replica_report import Fatal, OpenWork
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.claims import claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control
from llmbatch.core.errors import StoreError
from llmbatch.core.eta.trace import EstimateTrace
from llmbatch.core.length_cells import LengthClass
from llmbatch.core.progress import EtaState, Flight, Progress, ReplicaShare
from llmbatch.core.shards import ShardTally
from llmbatch.core.states import DesiredState, ExitReason, Phase
from llmbatch.core.store import MemoryStore


class MoodyStore(MemoryStore):
    """A store that refuses writes while it is down."""

    down = False
    refused = "nothing"

    def put(self, uri, body):
        if self.down or self.refused in uri:
            raise StoreError("down")
        return super().put(uri, body)


class Desk:
    """A heartbeat with everything around it."""

    def __init__(self, make, rows: int = 200) -> None:
        self.store, self.clock, self.lines = MoodyStore(), ManualClock(), []
        self.job = make.stage(self.store, [make.chat(n, "x") for n in range(1, rows + 1)], 50)
        self.state = JobState(self.job.manifest, generation=1, replicas_wanted=1, clock=self.clock)
        self.orders = JobOrders(1)
        self.heartbeat = self.new_heartbeat()
        self.snapshot = Snapshot()
        self.received: list[DesiredState] = []
        self.limits: list[int | None] = []
        self.heartbeat.connect(self.exchange)
        self.stopping = Stopping(
            spec=self.job.spec, state=self.state, orders=self.orders, heartbeat=self.heartbeat, clock=self.clock
        )

    def new_heartbeat(self) -> Heartbeat:
        context = JobContext(self.job.manifest.job_id, 1, self.job.layout, self.store, self.clock)
        writer = ProgressWriter(context, self.state, estimator_of(self.job.spec, self.store), self.lines.append)
        return Heartbeat(context, self.state, self.orders, writer, seconds=1)

    def exchange(self, orders, epoch, known):
        self.received.append(orders.desired)
        self.limits.append(orders.max_tokens)
        return self.snapshot

    def control(self, desired: DesiredState, reason: str = "", generation: int | None = None) -> None:
        control = Control(desired=desired, reason=reason, generation=generation)
        self.store.put(self.job.layout.control, control.model_dump_json().encode())

    def written(self) -> Progress:
        return Progress.model_validate_json(self.store.get(self.job.layout.progress))


@pytest.fixture
def desk(make) -> Desk:
    return Desk(make)


def test_sequence_rises_also_over_generations(desk: Desk) -> None:
    desk.heartbeat.beat()
    desk.heartbeat.beat()
    assert desk.written().sequence == 2
    again = desk.new_heartbeat()
    again.beat()
    assert desk.written().sequence == 3


def test_lines_are_rare(desk: Desk) -> None:
    for _ in range(25):
        desk.heartbeat.beat()
        desk.clock.advance(1)
    assert len(desk.lines) == 3


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


def test_more_replicas_may_fail_to_start_when_more_are_wanted(desk: Desk) -> None:
    desk.snapshot = Snapshot(starts_without_ready=8, starts_without_commit=8)
    desk.state.replicas_wanted = 8
    desk.heartbeat.beat()
    assert desk.stopping.reason() is None
    assert desk.written().replicas.wanted == 8


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


def test_last_heartbeat_shows_how_it_ended(desk: Desk) -> None:
    desk.heartbeat.start()
    desk.heartbeat.finish(ExitReason.DRAINED, "on request")
    assert desk.written().phase is Phase.DRAINED
    assert (desk.written().exit_code, desk.written().message) == (10, "on request")


def test_drain_ends_when_begun_shards_have_ended_or_grace_is_over(desk: Desk) -> None:
    desk.control(DesiredState.DRAIN, "night shift")
    desk.snapshot = Snapshot(live=1, open_shards=2, behind=1)
    desk.heartbeat.beat()
    assert desk.stopping.reason() is None
    desk.snapshot = Snapshot(live=1, open_shards=0, behind=0)
    desk.heartbeat.beat()
    stop = desk.stopping.reason()
    assert stop is not None
    assert (stop.reason, stop.message) == (ExitReason.DRAINED, "drained: night shift")
    desk.snapshot = Snapshot(live=1, open_shards=2, behind=0)
    desk.heartbeat.beat()
    assert desk.stopping.reason() is None
    desk.clock.advance(desk.job.spec.engine.drain_grace_seconds)
    assert "2 shards were left unfinished" in str(desk.stopping.reason())


def test_signal_drains_with_the_time_that_ray_gives(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_JOB_STOP_WAIT_TIME_S", "12")
    desk.stopping.terminate()
    desk.snapshot = Snapshot(live=1, open_shards=2)
    desk.heartbeat.beat()
    assert desk.received == [DesiredState.DRAIN]
    desk.clock.advance(10.4)
    assert desk.stopping.reason() is None
    desk.clock.advance(0.2)
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.INTERRUPTED
    assert not stop.reason.is_final  # no user requested it, so the next generation continues


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


def test_a_superseded_generation_leaves_no_trace(desk: Desk) -> None:
    claim(desk.store, desk.job.layout, owner="g2", now=desk.clock.now(), at_least=2)
    desk.clock.advance(40)
    desk.heartbeat.beat()
    desk.heartbeat.finish(ExitReason.SUPERSEDED, "a later generation works")
    assert list(desk.store.list(desk.job.layout.traces)) == []


def test_a_heartbeat_carries_its_estimate_and_what_it_is_made_of(desk: Desk) -> None:
    answered = LengthWork(ended=5, answered=5, tokens=50, tokens_squared=500, seconds=5)
    lengths = {LengthClass(chars, 16): replace(answered) for chars in (12, 13)}
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
            open=OpenWork(lengths={LengthClass(12, 16): running}, running=8),
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


def test_cancel_stops_at_once(desk: Desk) -> None:
    desk.control(DesiredState.CANCEL)
    desk.snapshot = Snapshot(live=1, open_shards=9, behind=1)
    desk.heartbeat.beat()
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.CANCELLED


@pytest.mark.parametrize(
    ("ended", "failed", "stops"),
    [(99, 99, False), (100, 5, False), (100, 6, True), (200, 10, False), (200, 11, True)],
)
def test_error_rate_is_judged_once_enough_rows_were_seen(desk: Desk, ended: int, failed: int, stops: bool) -> None:
    desk.snapshot = Snapshot(open=OpenWork(succeeded=ended - failed, failed=failed), failed_example="row 7: invalid")
    desk.heartbeat.beat()
    stop = desk.stopping.reason()
    assert (stop is not None) is stops
    if stop is not None:
        assert stop.reason is ExitReason.ERROR_RATE
        assert "row 7" in stop.message


def test_a_small_job_is_judged_when_all_its_rows_have_ended(make) -> None:
    desk = Desk(make, rows=20)
    tally = ShardTally(shard_id="shard-00000", generation=1, rows=20, succeeded=18, failed=2)
    desk.snapshot = Snapshot(tallies=(tally,))
    desk.heartbeat.beat()
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.ERROR_RATE


def test_engines_that_never_start_or_keep_dying_end_the_job(desk: Desk) -> None:
    cases = [
        (Snapshot(fatal=Fatal(ExitReason.ENGINE_START, "no such file")), ExitReason.ENGINE_START),
        (Snapshot(starts_without_ready=5), ExitReason.ENGINE_START),
        (Snapshot(starts_without_commit=10), ExitReason.CRASHED),
    ]
    for snapshot, reason in cases:
        desk.snapshot = snapshot
        desk.heartbeat.beat()
        stop = desk.stopping.reason()
        assert stop is not None
        assert stop.reason is reason
    desk.snapshot = Snapshot(starts_without_ready=4, starts_without_commit=4)
    desk.heartbeat.beat()
    assert desk.stopping.reason() is None
