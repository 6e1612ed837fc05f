"""Figures of a report, summed over jobs."""

from __future__ import annotations

import pytest

from fakes.finished_jobs import alert_of, finish, job_id, spec_of
from fakes.reported_jobs import figures, reported_jobs
from llmbatch.core.alerts import Level
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.history.job_report import report_sla


@pytest.fixture
def store() -> MemoryStore:
    return reported_jobs()


def test_alerts_against_what_happened(store: MemoryStore) -> None:
    found = figures(store).alerts
    assert (found.red_jobs, found.missed_jobs, found.rescued) == (3, 2, 1)
    assert (found.right, found.wrong, found.unannounced) == (1, 1, 1)
    assert (found.precision, found.recall, found.lead_pct) == (0.5, 0.5, 75.0)


def test_a_red_alert_after_the_deadline_announced_nothing() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec, seconds=9000, alerts=[alert_of(spec, Level.RED, 7300)])
    report_sla(spec.root_uri, store)
    found = figures(store)
    assert (found.alerts.recall, found.alerts.unannounced) == (0.0, 1)
    assert found.violations[0].first_red_at is None


def test_weeks_days_attainment_and_cost(store: MemoryStore) -> None:
    found = figures(store)
    assert (found.jobs, found.met, found.attainment_pct) == (5, 3, 60.0)
    assert [(week.begins.isoformat(), week.jobs, week.met) for week in found.weeks] == [
        ("2029-12-31", 2, 1),
        ("2030-01-07", 3, 2),
    ]
    assert len(found.days) == 5
    assert found.days[0].rows_per_second == pytest.approx(100 / 3420, abs=1e-4)
    assert found.days[0].tokens_per_second == pytest.approx(10_000 / 3420, abs=1e-3)
    assert (found.cost.gpu_hours, found.cost.usd) == (20.0, 50.0)
    assert found.cost.usd_per_million_tokens == pytest.approx(50 / 0.3, abs=1e-3)
    assert [each.job_id for each in found.violations] == [job_id(5), job_id(2)]
    assert [each.late_seconds for each in found.violations] == [1810, 1810]


def test_eta_accuracy_and_calibration(store: MemoryStore) -> None:
    eta = figures(store).eta
    assert eta.jobs == 5
    assert eta.error_pct == pytest.approx({"10": 10, "25": 10, "50": 10, "75": 10, "90": 10})
    assert (eta.bias_pct, eta.coverage80_pct) == (pytest.approx(10), 100)
    # P50 is 10 % too late and P10 20 % below it: the end is at the 29th percentile, outside of narrow intervals.
    assert eta.calibration["40"] == 0
    assert eta.calibration["50"] == 100
