"""What an alert and a recording rule consist of, and parts of their expressions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Who looks at an alert, and when."""

    CRITICAL = "critical"
    """A person, now."""
    WARNING = "warning"
    """A person, on the next working day."""
    NONE = "none"
    """A machine: the alert always fires, and its absence is the fault."""


@dataclass(frozen=True)
class Rule:
    """One alert.

    Attributes:
        alert: name, and name of its page in ``docs/runbooks``.
        expr: PromQL.
        hold: how long the expression must have a result before the alert fires: ``for`` in the rule file.
        summary: one sentence without values.
        description: what is wrong with which values, and what to do first; a template of Prometheus.
    """

    alert: str
    expr: str
    severity: Severity
    summary: str
    description: str
    hold: str = "0m"


@dataclass(frozen=True)
class Recording:
    """One recording rule: a series that several expressions read."""

    record: str
    expr: str


def number(value: float) -> str:
    """Return a number of config.yaml as PromQL and people read it: 5, 0.05, 1000000."""
    return f"{value:.10g}"


def percent(ratio: float) -> str:
    """Return a part of 1 as percent: ``5 %``."""
    return f"{number(ratio * 100)} %"


def counted(series: str, window: str) -> str:
    """Return how much a counter of events grew in a window.

    Its series begins with its first event, and ``increase`` counts from the first sample: so a series that did not
    exist when the window began counts with its value.
    """
    return f"(({series} unless {series} offset {window}) or increase({series}[{window}]))"
