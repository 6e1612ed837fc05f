"""Send events of the catalogue through Airflow's client, which the section ``[metrics]`` of its configuration chooses.

Labels are tags, never parts of a name, so StatsD and OpenTelemetry get the same. Without a client an event costs about
a microsecond. No failure reaches the caller: a metric must not fail a job.
"""

from __future__ import annotations

import logging
import math
import re
from functools import cache
from typing import TYPE_CHECKING

from llmbatch.core.metrics import CATALOGUE, Kind, Metric, Source

if TYPE_CHECKING:
    from airflow.sdk.observability.stats import Stats

MOST_CHARS = 80
"""Longest label value. Airflow drops an event whose name and tags have more than 250 characters."""

EMPTY = "none"
"""In place of an empty label value, which StatsD cannot send."""

_EVENTS = {metric.name: metric for metric in CATALOGUE if metric.source is Source.EVENT}
_BACKENDS = ("statsd_on", "statsd_datadog_enabled", "otel_on")
_UNSAFE = re.compile(r"[^A-Za-z0-9_./-]")
"""Airflow drops an event with any other character; comma, space, equals sign, colon and newline would forge tags."""
_reported: set[str] = set()
_log = logging.getLogger(__name__)


class MetricError(ValueError):
    """An event that is not as the catalogue states it: a mistake of the program."""


def count(metric: Metric, *labels: str, amount: float = 1) -> None:
    """Add to a counter.

    Args:
        metric: an event of the catalogue.
        labels: values of its labels, in their order.
        amount: what is added, at least 0.
    """
    try:
        stats = client()
        if stats is not None:
            tags = tags_of(metric, Kind.COUNTER, labels)
            stats.incr(metric.statsd_name, _amount(metric, amount), tags=tags)  # type: ignore[arg-type] # takes floats
    except Exception as error:  # a metric must not fail a job
        _report(metric, error)


def observe(metric: Metric, *labels: str, seconds: float) -> None:
    """Add a time to a histogram.

    Args:
        metric: an event of the catalogue.
        labels: values of its labels, in their order.
        seconds: the time, at least 0.
    """
    try:
        stats = client()
        if stats is not None:
            tags = tags_of(metric, Kind.HISTOGRAM, labels)
            stats.timing(metric.statsd_name, _amount(metric, seconds) * 1000, tags=tags)
    except Exception as error:  # a metric must not fail a job
        _report(metric, error)


@cache
def client() -> type[Stats] | None:
    """Return Airflow's client, None where its configuration switches metrics off."""
    from airflow.sdk.configuration import conf

    if not any(conf.getboolean("metrics", name, fallback=False) for name in _BACKENDS):
        return None
    from airflow.sdk.observability.stats import Stats

    return Stats


def open_client() -> None:
    """Prepare Airflow's client in a process that Airflow has not started: a command."""
    from airflow.sdk.configuration import conf
    from airflow.sdk.observability.metrics.stats_utils import get_stats_factory
    from airflow.sdk.observability.stats import Stats

    Stats.initialize(factory=get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on"))


def tags_of(metric: Metric, kind: Kind, labels: tuple[str, ...]) -> dict[str, str]:
    """Return the tags of an event.

    Raises:
        MetricError: the metric is no event of the catalogue, of another kind, or has other labels.
    """
    if _EVENTS.get(metric.name) is not metric:
        raise MetricError(f"{metric.name} is no event of the catalogue, core/metrics.py; only those are sent.")
    if metric.kind is not kind:
        raise MetricError(f"{metric.name} is a {metric.kind.value}, not a {kind.value}.")
    if len(labels) != len(metric.labels):
        raise MetricError(f"{metric.name} has the labels {metric.labels}, but got values for {len(labels)}.")
    return {name: label_value(value) for name, value in zip(metric.labels, labels, strict=True)}


def label_value(text: str) -> str:
    """Return a text as a tag can hold it: at most 80 letters, digits, ``_``, ``.``, ``/`` and ``-``.

    ``org/Ein Modell:7b`` becomes ``org/Ein_Modell_7b``. Users choose model names, so anything may come.
    """
    return _UNSAFE.sub("_", text[:MOST_CHARS]) or EMPTY


def _amount(metric: Metric, amount: float) -> float:
    if not (math.isfinite(amount) and amount >= 0):
        raise MetricError(f"{metric.name} cannot add {amount!r}: not a number from 0 on.")
    return amount


def _report(metric: Metric, error: Exception) -> None:
    """Log a failure, each metric once in a process."""
    if metric.name not in _reported:
        _reported.add(metric.name)
        _log.warning("event=metric_failed metric=%s error=%s: %s", metric.name, type(error).__name__, error)
