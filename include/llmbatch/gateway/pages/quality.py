"""What the page of quality shows: the SLA report, and how it compares with the goals of docs/eta.md."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from llmbatch.gateway.pages.figures.alert_quality import alert_quality
from llmbatch.gateway.pages.figures.attainment import attainment
from llmbatch.gateway.pages.figures.calibration import calibration
from llmbatch.gateway.pages.figures.error_by_progress import error_by_progress
from llmbatch.gateway.pages.figures.figure import Figures
from llmbatch.gateway.pages.figures.spent import spent
from llmbatch.gateway.pages.figures.throughput import throughput
from llmbatch.orchestrator.sla_report.figures import Figures as SlaFigures

CHOICES: Final = (50, 200, 1000)
"""How many of the newest finished jobs a reader may choose."""

GOAL_ERROR: Final = {"25": 10.0, "50": 5.0}
"""Largest median error of the remaining time, in percent, by percent of the rows."""
GOAL_COVERAGE: Final = (75.0, 85.0)
"""Part of the finishes, in percent, that the 80 % interval should contain."""
GOAL_PRECISION: Final = 0.9
GOAL_RECALL: Final = 0.95
GOAL_LEAD: Final = 30.0
"""Least part of the window, in percent, that is left at the first red alert."""

LEAST_JUDGED: Final = 10
"""Finished jobs from which on numbers are compared with their goals; of fewer they say little."""

MOST_VIOLATIONS: Final = 50
"""Missed deadlines that the table lists, the newest first."""


class Verdict(StrEnum):
    """A number against its goal."""

    MET = "goal met"
    MISSED = "misses the goal"


@dataclass(frozen=True)
class Card:
    """One number.

    Attributes:
        name: what it is.
        value: the number with its unit; empty if it is not known.
        note: one sentence on it.
        verdict: None without a goal or a number.
    """

    name: str
    value: str
    note: str
    verdict: Verdict | None = None


def cards(report: SlaFigures) -> tuple[Card, ...]:
    """Return the numbers at the top of the page, without a verdict if there are few jobs."""
    found = _cards(report)
    return found if report.jobs >= LEAST_JUDGED else tuple(replace(card, verdict=None) for card in found)


def drawn(report: SlaFigures) -> Figures:
    """Return the figures of the page."""
    return Figures(
        figures={
            "attainment": attainment(report.weeks),
            "calibration": calibration(report.eta),
            "error": error_by_progress(report.eta, GOAL_ERROR),
            "alerts": alert_quality(report.alerts),
            "throughput": throughput(report.days, report.weeks),
            "spent": spent(report.days, report.weeks),
        }
    )


def _cards(report: SlaFigures) -> tuple[Card, ...]:
    eta, alerts = report.eta, report.alerts
    low, high = GOAL_COVERAGE
    missed = report.jobs - report.met
    return (
        Card("Deadlines met", _percent(report.attainment_pct), f"{report.met} of {report.jobs} jobs; {missed} missed."),
        _error(report, "25", "at a quarter"),
        _error(report, "50", "at half"),
        Card(
            "80 % interval",
            _percent(eta.coverage80_pct),
            f"of the estimates contained the finish between P10 and P90. Goal: {low:.0f} to {high:.0f} %.",
            _between(eta.coverage80_pct, low, high),
        ),
        Card("Bias of the ETA", _signed(eta.bias_pct), _bias(eta.bias_pct)),
        Card(
            "Alert precision",
            _share(alerts.precision),
            f"of the red alerts were right. Goal: {100 * GOAL_PRECISION:.0f} % or more.",
            _between(alerts.precision, GOAL_PRECISION, 1.0),
        ),
        Card(
            "Alert recall",
            _share(alerts.recall),
            f"of the missed deadlines had a red alert before. Goal: {100 * GOAL_RECALL:.0f} % or more.",
            _between(alerts.recall, GOAL_RECALL, 1.0),
        ),
        Card(
            "Alert lead",
            _percent(alerts.lead_pct),
            f"of the time to the deadline was left at the first red alert. Goal: {GOAL_LEAD:.0f} % or more.",
            _between(alerts.lead_pct, GOAL_LEAD, 100.0),
        ),
        _cost(report),
    )


def _error(report: SlaFigures, mark: str, place: str) -> Card:
    error, goal = report.eta.median_error_pct.get(mark), GOAL_ERROR[mark]
    note = f"median error of the remaining time. Goal: {goal:.0f} % or less."
    return Card(f"ETA error {place}", _percent(error), note, _between(error, 0.0, goal))


def _bias(bias: float | None) -> str:
    if bias is None:
        return "No estimate is scored yet."
    if abs(bias) < 1:
        return "Estimates are neither early nor late."
    return "Jobs took longer than estimated." if bias < 0 else "Jobs were done earlier than estimated."


def _cost(report: SlaFigures) -> Card:
    cost = report.cost
    if cost.usd is None:
        name, hours = ("GPU", cost.gpu_hours) if cost.gpu_hours else ("Replica", cost.replica_hours)
        return Card(f"{name} hours", f"{hours:,.1f}", "No price is configured: cost.usd_per_gpu_hour.")
    each = cost.usd_per_million_tokens
    more = f", ${each:,.2f} a million tokens" if each else ""
    return Card("Cost", f"${cost.usd:,.2f}", f"for {cost.gpu_hours:,.1f} GPU hours{more}.")


def _between(value: float | None, low: float, high: float) -> Verdict | None:
    if value is None:
        return None
    return Verdict.MET if low <= value <= high else Verdict.MISSED


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} %"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f} %".replace("-", "\N{MINUS SIGN}")


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"
