"""Families of metrics, as the catalogue names them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from prometheus_client import Metric as Family
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics import MetricWrapperBase

from llmbatch.core.metrics import Kind, Metric
from llmbatch.core.shown import shown

LABEL_CHARS = 250
"""Most characters of a label's value: the longest run id of Airflow. Models and owners come from users."""


class Samples:
    """Collects values, and returns them as families in the order of their first value."""

    def __init__(self) -> None:
        self._families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}

    def add(self, metric: Metric, value: float | None, *labels: str) -> None:
        """Add one value. None and NaN are unknown: there is no series then.

        Args:
            metric: a gauge or counter of the catalogue.
            value: in the unit of its name.
            labels: one text for each label of the metric; it is escaped and cut to ``LABEL_CHARS``.
        """
        if value is None or math.isnan(value):
            return
        family = self._families.get(metric.name)
        if family is None:
            family = self._families[metric.name] = _family(metric)
        family.add_metric([_label(each) for each in labels], value)

    def families(self) -> tuple[Family, ...]:
        """Return what was added."""
        return tuple(self._families.values())


def collected(metric: MetricWrapperBase) -> Iterator[Family]:
    """Yield the families of a counter or histogram of the library, without times of creation: they are no metrics."""
    for family in metric.collect():
        family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
        yield family


def _family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    return kind(metric.name, metric.help, labels=metric.labels)


def _label(value: str) -> str:
    return value if len(value) <= LABEL_CHARS and value.isprintable() else shown(shown(value), LABEL_CHARS)
