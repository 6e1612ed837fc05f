"""Every query of the dashboards on a real Prometheus that holds a sample of every metric."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from fakes.sample_pipeline import pipeline_samples
from fakes.sample_platform import airflow_samples, ray_samples
from fakes.sampled_prometheus import sampled_prometheus
from llmbatch.core import metrics as m
from monitoring.dashboards.promql import counted
from monitoring.dashboards.queries import panel_queries, silent_queries
from monitoring.known_metrics import known_metrics

ON_GPUS = ("GPU utilisation", "GPU memory", "GPU memory in bytes", "GPU power", "GPU memory by GPU", "GPUs")
"""Panels that a cluster without a GPU leaves empty; they say so."""


@pytest.fixture(scope="module")
def end() -> float:
    return time.time()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, end: float) -> Iterator[str]:
    samples = [*pipeline_samples(end), *ray_samples(), *airflow_samples()]
    with sampled_prometheus(tmp_path_factory.mktemp("prometheus"), samples, end) as url:
        yield url


def test_every_query_returns_series(url: str) -> None:
    assert silent_queries(url) == []


def test_a_query_without_series_is_found(url: str) -> None:
    first, *_ = panel_queries()
    absent = replace(first, expr='llmbatch_jobs{phase="dancing"}')
    assert silent_queries(url, queries=[first, absent]) == [absent]


def test_a_query_that_prometheus_refuses_is_an_error(url: str) -> None:
    first, *_ = panel_queries()
    with pytest.raises(RuntimeError, match=rf"{first.panel}.*sum\("):
        silent_queries(url, queries=[replace(first, expr="sum(")])


def test_a_variable_that_nothing_sets_is_an_error(url: str) -> None:
    first, *_ = panel_queries()
    with pytest.raises(ValueError, match="nothing sets \\$jobb"):
        silent_queries(url, queries=[replace(first, expr='up{job="$jobb"}')])


def test_there_is_a_sample_of_every_known_metric(end: float) -> None:
    sampled = {sample.name for sample in [*pipeline_samples(end), *ray_samples(), *airflow_samples()]}
    assert known_metrics().keys() - sampled == set()


def test_samples_have_the_labels_of_the_catalogue(end: float) -> None:
    known = known_metrics()
    for sample in [*pipeline_samples(end), *ray_samples(), *airflow_samples()]:
        assert {label for label, _ in sample.labels} <= known[sample.name], sample.name


def test_only_panels_about_gpus_are_empty_without_one(tmp_path_factory: pytest.TempPathFactory, end: float) -> None:
    cpu_only = [sample for sample in ray_samples() if "gpu" not in sample.name and "gram" not in sample.name]
    samples = [*pipeline_samples(end), *cpu_only, *airflow_samples()]
    with sampled_prometheus(tmp_path_factory.mktemp("without"), samples, end) as url:
        silent = silent_queries(url)
    assert {query.absence for query in silent} == {"no GPU"}
    assert {query.panel for query in silent} == set(ON_GPUS)


def test_the_first_event_of_a_counter_counts(url: str) -> None:
    def value(expr: str) -> float:
        answer = httpx.get(f"{url}/api/v1/query", params={"query": expr}).json()
        return float(answer["data"]["result"][0]["value"][1])

    counter = f'{m.JOBS_FINISHED.name}{{model="smollm2", sla="met"}}'
    everything = value(f"max_over_time({counter}[3h])")
    assert everything > 1
    assert value(counted(m.JOBS_FINISHED, "model", "4h", 'model="smollm2", sla="met"')) == everything
    assert value(f"increase({counter}[4h])") < everything
