"""One word for how a job stands: late is violated, trouble is a risk, unknown alone is none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from fakes.finished_jobs import NOW, progress_of, spec_of
from llmbatch.core.progress import EtaState
from llmbatch.core.sla_status import Status, status_of
from llmbatch.core.states import Phase

HOUR = 3600.0


def after(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("eta", "expected"),
    [
        ((0.4 * HOUR, 0.5 * HOUR, 0.6 * HOUR), Status.ON_TRACK),
        ((0.7 * HOUR, 0.8 * HOUR, 0.99 * HOUR), Status.ON_TRACK),
        ((0.5 * HOUR, 0.9 * HOUR, 2.0 * HOUR), Status.AT_RISK),  # P50 is in time, but a miss has a chance of 0.43
        ((0.9 * HOUR, 1.1 * HOUR, 1.2 * HOUR), Status.AT_RISK),
        (None, Status.ON_TRACK),
    ],
)
def test_a_running_job_goes_by_its_chance(eta: tuple[float, float, float] | None, expected: Status) -> None:
    found = status_of(spec_of(), progress_of(spec_of(), HOUR, eta=eta), None, after(1))
    assert (found.status, found.sla_remaining_hours, found.progress_pct, found.phase) == (expected, 1.0, 50.0, "work")
    assert (found.eta_hours is None) is (eta is None)
    assert (found.miss_probability is None) is (eta is None)


@pytest.mark.parametrize(
    ("phase", "state", "silent", "reason"),
    [
        (Phase.WORK, EtaState.STALLED, 0, "stalled: a reason"),
        (Phase.WORK, EtaState.ESTIMATED, 121, "no heartbeat for 121 s"),
        (Phase.FAILED, EtaState.UNKNOWN, 0, "stopped unfinished: failed"),
        (Phase.DRAINED, EtaState.UNKNOWN, 9999, "stopped unfinished: drained"),
    ],
)
def test_trouble_is_a_risk_and_has_no_eta(phase: Phase, state: EtaState, silent: float, reason: str) -> None:
    spec = spec_of(hours=9)
    beat = progress_of(spec, HOUR, phase=phase, state=state, eta=(1, 2, 3))
    found = status_of(spec, beat, None, after(1) + timedelta(seconds=silent))
    assert (found.status, found.eta_hours, found.reason) == (Status.AT_RISK, None, reason)


def test_an_estimate_counts_from_its_heartbeat() -> None:
    beat = progress_of(spec_of(), HOUR, eta=(1000, 2000, 3000))
    found = status_of(spec_of(), beat, None, after(1) + timedelta(seconds=100))
    assert found.eta_hours == pytest.approx(1900 / HOUR, abs=1e-3)


@pytest.mark.parametrize(
    ("now", "finished", "expected", "left"),
    [
        (2.5, None, Status.VIOLATED, -0.5),
        (0.5, None, Status.ON_TRACK, 1.5),
        (9.0, 1.5, Status.MET, 0.5),
        (9.0, 2.0, Status.MET, 0.0),
        (9.0, 2.5, Status.VIOLATED, -0.5),
    ],
)
def test_the_deadline_decides(now: float, finished: float | None, expected: Status, left: float) -> None:
    found = status_of(spec_of(), None, after(finished) if finished else None, after(now))
    assert (found.status, found.sla_remaining_hours) == (expected, left)
    assert (found.eta_hours == 0.0) is (finished is not None)


def test_a_job_that_waits_for_its_proof_is_on_track() -> None:
    beat = progress_of(spec_of(), HOUR, phase=Phase.DONE, ended=100, eta=(0, 0, 0), state=EtaState.FINISHED)
    assert status_of(spec_of(), beat, None, after(1.9)).status is Status.ON_TRACK
