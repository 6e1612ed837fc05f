from __future__ import annotations

import logging
import re
from dataclasses import replace

import pytest

from fakes.events import RecordedEvents
from llmbatch.core import metrics
from llmbatch.core.metrics import Kind, Metric
from llmbatch.orchestrator.metrics.events import MetricError, count, label_value, observe, tags_of

AIRFLOW_TAKES = re.compile(r"[A-Za-z0-9_./-]{1,80}")


def test_labels_are_tags_and_never_in_the_name(events: RecordedEvents) -> None:
    count(metrics.ROWS, "org/model", "failed", amount=3)
    observe(metrics.STORE_SECONDS, "GetObject", "ok", seconds=0.25)
    assert events.sent == [
        ("llmbatch.rows", {"model": "org/model", "outcome": "failed"}, 3),
        ("llmbatch.store_request_duration", {"operation": "GetObject", "result": "ok"}, 250.0),
    ]


@pytest.mark.parametrize(
    "text", ["a,b=c d\ne:f|g", "Modell/größe", "#x", "x" * 500, "", "\x00", "s3://b/k", "a\r\nb:1|c"]
)
def test_any_value_becomes_one_that_airflow_sends(text: str) -> None:
    assert AIRFLOW_TAKES.fullmatch(label_value(text))


def test_a_value_stays_readable() -> None:
    assert label_value("Qwen/Qwen2.5-7B_x") == "Qwen/Qwen2.5-7B_x"
    assert label_value("org/Ein Modell:7b") == "org/Ein_Modell_7b"


def test_the_longest_event_is_shorter_than_what_airflow_drops() -> None:
    widest = max(len(name) + sum(len(label) + 2 + 80 for label in labels) for name, labels in _names())
    assert widest < 250


def _names() -> list[tuple[str, tuple[str, ...]]]:
    events = [metric for metric in metrics.CATALOGUE if metric.source is metrics.Source.EVENT]
    return [(metric.statsd_name, metric.labels) for metric in events]


def test_airflow_drops_none_of_our_tags() -> None:
    """Its ``statsd_disabled_tags`` are found anywhere in the name of a tag."""
    from airflow.sdk import conf

    disabled = [name.strip() for name in conf.get("metrics", "statsd_disabled_tags").split(",")]
    assert disabled == ["job_id", "run_id"]
    assert [label for _, labels in _names() for label in labels if any(name in label for name in disabled)] == []


@pytest.mark.parametrize(
    ("metric", "kind", "labels", "text"),
    [
        (metrics.JOBS, Kind.GAUGE, ("work",), "llmbatch_jobs is no event of the catalogue"),
        (replace(metrics.ROWS, name="llmbatch_new_total"), Kind.COUNTER, ("m", "x"), "is no event of the catalogue"),
        (metrics.ROWS, Kind.HISTOGRAM, ("m", "failed"), "is a counter, not a histogram"),
        (metrics.ROWS, Kind.COUNTER, ("m",), "has the labels ('model', 'outcome'), but got values for 1"),
    ],
)
def test_what_the_catalogue_does_not_state_is_refused(
    metric: Metric, kind: Kind, labels: tuple[str, ...], text: str
) -> None:
    with pytest.raises(MetricError, match=re.escape(text)):
        tags_of(metric, kind, labels)


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf")])
def test_no_failure_reaches_a_task(
    events: RecordedEvents, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, amount: float
) -> None:
    count(metrics.COST, "m", amount=amount)
    observe(metrics.MODEL_LOAD_SECONDS, "m", seconds=amount)
    count(metrics.JOBS, "work")
    for _ in range(3):
        count(metrics.ROWS, "m")
    assert events.sent == []
    assert len(caplog.records) == 4, "a failure is logged more or less than once for a metric"

    def broken(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(events, "incr", broken)
    count(metrics.ORPHANS)
    assert "event=metric_failed metric=llmbatch_orphans_stopped_total error=OSError: no network" in caplog.text


def test_an_unreadable_configuration_fails_no_task(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ValueError("statsd_on = perhaps")

    monkeypatch.setattr("llmbatch.orchestrator.metrics.events.client", broken)
    with caplog.at_level(logging.WARNING):
        count(metrics.ORPHANS)
    assert "statsd_on = perhaps" in caplog.text
