"""The catalogue keeps the naming rules of Prometheus and its own."""

from __future__ import annotations

import re

import pytest

from llmbatch.core.metrics import ADMISSIONS, CATALOGUE, MODEL_LOAD_SECONDS, Kind, Metric, Source

_RESERVED = ("_bucket", "_sum", "_count", "_info_total", "_created")


def test_names_are_unique() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(names) > 50
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_a_metric_keeps_the_rules(metric: Metric) -> None:
    assert re.fullmatch(r"llmbatch_[a-z0-9_]*[a-z0-9]", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert not metric.name.endswith(_RESERVED)
    assert metric.help.endswith(".")
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_only_gauges_of_running_jobs_hold_a_job_id(metric: Metric) -> None:
    is_of_job = metric.name.startswith("llmbatch_job_")
    assert ("job_id" in metric.labels) == is_of_job
    assert not is_of_job or (metric.kind is Kind.GAUGE and metric.source is Source.STATE)


@pytest.mark.parametrize("metric", [each for each in CATALOGUE if each.source is Source.EVENT], ids=lambda m: m.name)
def test_airflow_keeps_the_labels_of_an_event(metric: Metric) -> None:
    """Airflow drops tags whose name contains job_id or run_id; a StatsD gauge of a task would never end."""
    assert metric.kind is not Kind.GAUGE
    assert not [label for label in metric.labels if "job_id" in label or "run_id" in label]


def test_an_event_has_a_name_without_unit_and_suffix() -> None:
    assert ADMISSIONS.statsd_name == "llmbatch.admissions"
    assert MODEL_LOAD_SECONDS.statsd_name == "llmbatch.model_load"
