"""The driver's estimates: from heartbeats, from what was believed, kept to be scored."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from llmbatch.cluster.driver.estimator import Estimator, estimator_of, read_basis
from llmbatch.core.errors import StoreError
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.priors import PhasePrior, Priors
from llmbatch.core.eta.trace import LONGEST_REASON, MOST_POINTS
from llmbatch.core.layout import JobLayout
from llmbatch.core.length_cells import LengthCell
from llmbatch.core.progress import EtaState, Progress, Replicas, RowCounts, ShardCounts
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SLOTS = 10
ROWS = 1000


def beat(seconds: float, ended: int = 0, phase: Phase = Phase.WORK, **changes) -> Progress:
    """A job of 1000 rows that are answered one a second, each after ten seconds with 100 tokens."""
    running = min(10, ROWS - ended)
    cell = LengthCell(
        bucket=20,
        limit=200,
        rows=ROWS,
        chars=1000 * ROWS,
        ended=ended,
        answered=ended,
        tokens=100 * ended,
        tokens_squared=10000 * ended,
        answered_seconds=10 * ended,
        running=running,
        running_seconds=5 * running,
        running_seconds_squared=33 * running,
    )
    base = {
        "job_id": "job-1",
        "generation": 3,
        "sequence": 1,
        "phase": phase,
        "started_at": NOW,
        "written_at": NOW + timedelta(seconds=seconds),
        "rows": RowCounts(total=ROWS, succeeded=ended, running=running),
        "shards": ShardCounts(),
        "replicas": Replicas(live=1, wanted=1),
        "lengths": (cell,),
        "seconds_phase": {"model_load": 4.0},
    }
    return Progress(**(base | changes))


def test_a_steady_job_has_an_eta_that_names_what_drives_it() -> None:
    estimator = Estimator(SLOTS)
    assert estimator.complete(beat(0)).eta_state is EtaState.UNKNOWN
    last = [estimator.complete(beat(n, n)) for n in range(1, 501)][-1]
    assert last.eta is not None
    assert last.eta.p50 == pytest.approx(500, rel=0.1)
    assert last.eta.p10 < last.eta.p50 < last.eta.p90
    assert last.eta_state is EtaState.ESTIMATED
    assert last.work_progress == pytest.approx(0.5, abs=0.05)
    assert last.eta_reason.startswith("ETA ")
    assert "answers of 100 tokens" in last.eta_reason
    assert "\n" not in last.eta_reason
    assert last.model_copy(update={"eta": None}).rows == beat(500, 500).rows
    done = estimator.complete(beat(1000, ROWS, Phase.DONE))
    assert (done.eta_state, done.work_progress) == (EtaState.FINISHED, 1.0)


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.DRAINED, Phase.CANCELLED])
def test_a_job_that_rests_has_no_eta(phase: Phase) -> None:
    estimator = Estimator(SLOTS)
    estimator.complete(beat(1, 100))
    found = estimator.complete(beat(2, 100, phase))
    assert (found.eta, found.eta_state) == (None, EtaState.UNKNOWN)


def test_a_job_without_length_counts_has_no_eta_rather_than_a_wrong_one() -> None:
    found = Estimator(SLOTS).complete(beat(5, 100, lengths=()))
    assert (found.eta, found.eta_state, found.work_progress) == (None, EtaState.UNKNOWN, None)
    assert "earlier release" in found.eta_reason


def test_a_clock_that_is_set_back_loses_no_heartbeat() -> None:
    estimator = Estimator(SLOTS)
    for n in range(1, 101):
        estimator.complete(beat(n, n))
    assert estimator.complete(beat(40, ROWS, Phase.DONE)).eta_state is EtaState.FINISHED


def test_a_fault_of_the_model_costs_the_eta_only(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    estimator = Estimator(SLOTS)
    monkeypatch.setattr(EtaModel, "observe", broken)
    for n in range(3):
        found = estimator.complete(beat(n, n))
        assert (found.eta, found.eta_state, found.rows.ended) == (None, EtaState.UNKNOWN, n)
        assert "ZeroDivisionError" in found.eta_reason
    assert len([r for r in caplog.records if "estimate_failed" in r.getMessage()]) == 1


@pytest.mark.parametrize("beats", [1, MOST_POINTS, MOST_POINTS + 1, 997, 5000])
def test_the_trace_is_bounded_and_covers_the_job_evenly(beats: int) -> None:
    estimator = Estimator(SLOTS)
    for n in range(beats - 1):
        last = estimator.complete(beat(n, min(n, ROWS - 1)))
    last = estimator.complete(beat(beats - 1, ROWS, Phase.DONE))
    trace = estimator.trace(last)
    at = [(point.at - NOW).total_seconds() for point in trace.points]
    assert min(beats, MOST_POINTS // 2) <= len(at) <= MOST_POINTS
    assert (at[0], at[-1]) == (0, beats - 1)
    gaps = {later - earlier for earlier, later in pairwise(at[:-1])}
    assert len(gaps) <= 1
    assert len(trace.model_dump_json()) < 120_000
    assert max(len(point.reason) for point in trace.points) <= LONGEST_REASON


def test_the_trace_holds_what_was_said_and_learned() -> None:
    estimator = Estimator(SLOTS)
    first = estimator.complete(beat(0))
    assert estimator.trace(first).rate is None
    last = [estimator.complete(beat(n, n)) for n in range(1, 201)][-1]
    trace = estimator.trace(last)
    assert (trace.job_id, trace.generation, trace.seconds_phase) == ("job-1", 3, {"model_load": 4.0})
    point = trace.points[-1]
    assert last.eta is not None
    assert point.seconds == (last.eta.p10, last.eta.p50, last.eta.p90)
    assert (point.rows, point.work, point.replicas) == (0.2, last.work_progress, 1)
    assert trace.points[0].seconds is None
    assert "answers of 100 tokens" in point.reason
    assert (point.failed, point.running) == (0, 10)
    assert trace.price is not None
    assert trace.rate == pytest.approx(100 + trace.price * 1000, rel=0.05)  # a row a second
    assert trace.level == pytest.approx(100, rel=0.1)
    assert trace.slope is not None
    assert trace.spread is not None


def test_what_was_believed_when_the_job_was_accepted_is_used(store, make, caplog) -> None:
    job = make.stage(store, [make.chat(1, "x")], 1)
    phases = {name: PhasePrior(seconds=30) for name in ("queued", "cluster", "model_load")}
    basis = EtaBasis(engine="m", priors=Priors(rate=100.0, phases=phases))
    loading = beat(1, phase=Phase.MODEL_LOAD)
    assert estimator_of(job.spec, store).complete(loading).eta is None
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [
        f"event=eta_basis_unread job_id={job.spec.job_id} problem=absent used=defaults"
    ]
    store.put(job.layout.basis, basis.model_dump_json().encode())
    found = estimator_of(job.spec, store).complete(loading)
    assert found.eta is not None
    assert found.eta.p50 > 30
    assert len(caplog.records) == 1


class OddStore(MemoryStore):
    """Holds a basis that is none, or fails."""

    down = False

    def get(self, uri: str) -> bytes:
        if self.down:
            raise StoreError("down")
        return b"{"


@pytest.mark.parametrize(("down", "problem"), [(False, "ValidationError"), (True, "StoreError")])
def test_an_unreadable_basis_is_a_warning(caplog, down: bool, problem: str) -> None:
    store = OddStore()
    store.down = down
    assert read_basis(store, JobLayout.of("s3://bucket/base", "job-1"), "job-1") is None
    assert [f"problem={problem}" in r.getMessage() for r in caplog.records] == [True]
