"""Parts of the figures of an SLA report."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from llmbatch.orchestrator.sla_report.figures import AlertQuality, Cost, EtaAccuracy, Figures, Period, Violation

MONDAY = date(2030, 1, 7)
EVIL = '<img src=x onerror=alert(1)>\x1b[2J\u202e"&'
"""Markup, an escape sequence of terminals, and a mark that turns text around."""


def period(begins: date = MONDAY, **changes: object) -> Period:
    fields = {
        "begins": begins, "jobs": 4, "met": 3, "rows": 400, "output_tokens": 4000, "rows_per_second": 2.5,
        "tokens_per_second": 250.0, "gpu_hours": 8.0, "usd": 20.0, **changes,
    }  # fmt: skip
    return Period.model_validate(fields)


def periods(count: int, days: int = 7) -> tuple[Period, ...]:
    return tuple(period(MONDAY + timedelta(days=days * n)) for n in range(count))


def accuracy(**changes: object) -> EtaAccuracy:
    marks = {"10": 12.0, "25": 9.0, "50": 6.0, "75": 4.0, "90": 5.0}
    fields = {
        "jobs": 4, "error_pct": {mark: 2 * error for mark, error in marks.items()}, "median_error_pct": marks,
        "bias_pct": -3.0, "coverage80_pct": 81.0, "width": 1.5,
        "calibration": {"50": 48.0, "80": 81.0, "90": 93.0}, **changes,
    }  # fmt: skip
    return EtaAccuracy.model_validate(fields)


NO_ACCURACY = accuracy(
    jobs=0, error_pct={}, median_error_pct={}, bias_pct=None, coverage80_pct=None, width=None, calibration={}
)


def alerts(**changes: object) -> AlertQuality:
    fields = {
        "red_jobs": 5, "missed_jobs": 4, "right": 3, "wrong": 1, "rescued": 1, "unannounced": 1,
        "precision": 0.75, "recall": 0.75, "lead_pct": 42.0, **changes,
    }  # fmt: skip
    return AlertQuality.model_validate(fields)


NO_ALERTS = alerts(
    red_jobs=0, missed_jobs=0, right=0, wrong=0, rescued=0, unannounced=0, precision=None, recall=None, lead_pct=None
)


def violation(number: int = 1, **changes: object) -> Violation:
    deadline = datetime(2030, 1, 7, 12, tzinfo=UTC)
    fields = {
        "job_id": f"job-{number:016x}", "model": "small", "deadline": deadline,
        "finished_at": deadline + timedelta(minutes=90), "late_seconds": 5400.0,
        "first_red_at": deadline - timedelta(hours=1), "expired_rows": 7, **changes,
    }  # fmt: skip
    return Violation.model_validate(fields)


def report(**changes: object) -> Figures:
    """A report on four jobs of one week, one of them late."""
    fields = {
        "generated_at": datetime(2030, 1, 14, tzinfo=UTC), "jobs": 4, "met": 3, "attainment_pct": 75.0, "left_out": 0,
        "days": (period(),), "weeks": (period(),), "eta": accuracy(), "alerts": alerts(),
        "violations": (violation(),),
        "cost": Cost(gpu_hours=8.0, replica_hours=4.0, usd=20.0, usd_per_million_tokens=5.0), "open": (), **changes,
    }  # fmt: skip
    return Figures.model_validate(fields)


NO_REPORT = report(
    jobs=0, met=0, attainment_pct=None, days=(), weeks=(), eta=NO_ACCURACY, alerts=NO_ALERTS, violations=(),
    cost=Cost(gpu_hours=0.0, replica_hours=0.0, usd=None, usd_per_million_tokens=None),
)  # fmt: skip
