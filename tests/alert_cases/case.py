"""One case: what Prometheus has scraped, in promtool's notation with one sample a minute from minute 0 on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Series = Mapping[str, str]


@dataclass(frozen=True)
class Fires:
    """An alert that must fire.

    Attributes:
        series: samples by selector.
        since: minute from which its expression has a result. It must fire ``for`` later, and not a minute before.
        says: part of its description when it begins to fire.
        count: how many alerts there are.
    """

    alert: str
    series: Series
    since: int
    says: str
    count: int = 1


@dataclass(frozen=True)
class Quiet:
    """A near miss: the alert must not fire between two minutes."""

    alert: str
    name: str
    series: Series
    since: int = 0
    until: int = 120


Case = Fires | Quiet


def s(metric: str, **labels: str) -> str:
    """Return a selector."""
    matchers = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{metric}{{{matchers}}}"


def of_job(name: str, **labels: str) -> str:
    """Return the selector of a series of job ``a``."""
    return s(f"llmbatch_job_{name}", job_id="a", **labels)
