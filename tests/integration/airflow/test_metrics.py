"""Events from real Airflow processes: over UDP to the bridge, and over OTLP/HTTP to a receiver."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric

from fakes.airflow_home import ROOT, airflow_environment
from fakes.http_server import QuietHandler, served

from .conftest import free_ports

EMIT = """
import sys
from llmbatch.core import metrics
from llmbatch.orchestrator.metrics.events import client, count, observe, open_client

open_client()  # as a task does when it starts
count(metrics.ADMISSIONS, "at_risk")
count(metrics.ROWS, "org/Mödel, 7b=x:1|c", "failed", amount=3)
count(metrics.COST, "m", amount=0.25)
observe(metrics.STORE_SECONDS, "PutObject", "conflict", seconds=0.03)
print("off" if client() is None else "on")
"""
"""What real code sends, a name that would forge tags and lines included."""


def emit(home: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", EMIT],
        env={**airflow_environment(home), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()[-1]  # before it, Airflow logs where it connects to


@contextmanager
def bridge(udp: int, http: int) -> Iterator[str]:
    command = [sys.executable, "-m", "llmbatch_stack.statsd_bridge", "--mapping", "config/statsd/mapping.yml"]
    process = subprocess.Popen(
        [*command, "--udp-port", str(udp), "--http-port", str(http)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "deploy" / "embedded")},
    )
    url = f"http://127.0.0.1:{http}"
    try:
        wait_for(lambda: httpx.get(f"{url}/-/ready").status_code == 200)
        yield url
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0


def wait_for(look: object, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if callable(look) and look():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)


def test_statsd_from_airflows_client_to_the_page_that_prometheus_reads(tmp_path: Path) -> None:
    udp, http = free_ports(2)
    with bridge(udp, http) as url:
        said = emit(
            tmp_path,
            AIRFLOW__METRICS__STATSD_ON="True",
            AIRFLOW__METRICS__STATSD_PORT=str(udp),
            AIRFLOW__METRICS__STATSD_HOST="127.0.0.1",
            AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED="True",
            AIRFLOW__METRICS__LEGACY_NAMES_ON="False",
        )
        assert said == "on"
        wait_for(lambda: "llmbatch_store_request_duration_seconds_count" in httpx.get(f"{url}/metrics").text)
        lines = httpx.get(f"{url}/metrics").text.splitlines()
        missing = httpx.get(f"{url}/nothing").status_code
    assert missing == 404
    ours = [line for line in lines if line.startswith("llmbatch_") and "_bucket" not in line]
    assert ours == [
        'llmbatch_admissions_total{verdict="at_risk"} 1',
        'llmbatch_cost_usd_total{model="m"} 0.25',
        'llmbatch_rows_total{model="org/M_del__7b_x_1_c",outcome="failed"} 3',
        'llmbatch_store_request_duration_seconds_sum{operation="PutObject",result="conflict"} 0.03',
        'llmbatch_store_request_duration_seconds_count{operation="PutObject",result="conflict"} 1',
    ]
    failed = [line for line in lines if line.startswith("statsd_exporter_sample_errors_total")]
    assert [line for line in failed if not line.endswith(" 0")] == []


def test_a_bridge_with_a_wrong_mapping_or_port_says_so(tmp_path: Path) -> None:
    wrong = tmp_path / "mapping.yml"
    wrong.write_text("mappings: [{match: a, nam: a}]")
    udp, http = free_ports(2)
    command = [sys.executable, "-m", "llmbatch_stack.statsd_bridge", "--mapping", str(wrong)]
    done = subprocess.run(
        [*command, "--udp-port", str(udp), "--http-port", str(http)],
        env={"PYTHONPATH": str(ROOT / "deploy" / "embedded")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "the StatsD mapping is wrong" in done.stderr


class Collector:
    """Takes what OTLP/HTTP exporters send."""

    def __init__(self) -> None:
        self.metrics: dict[str, Metric] = {}
        self.url = ""
        collector = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                request = ExportMetricsServiceRequest()
                request.ParseFromString(self.body())
                for resource in request.resource_metrics:
                    for scope in resource.scope_metrics:
                        collector.metrics |= {metric.name: metric for metric in scope.metrics}
                self.reply(200)

        self.handler = Handler


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    with served(found.handler) as port:
        found.url = f"http://127.0.0.1:{port}"
        yield found


def test_opentelemetry_needs_nothing_but_airflows_configuration(tmp_path: Path, collector: Collector) -> None:
    said = emit(
        tmp_path,
        AIRFLOW__METRICS__OTEL_ON="True",
        AIRFLOW__METRICS__LEGACY_NAMES_ON="False",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta",
    )
    assert said == "on"
    ours = {name: metric for name, metric in collector.metrics.items() if name.startswith("airflow.llmbatch.")}
    assert {name: points(metric) for name, metric in ours.items()} == {
        "airflow.llmbatch.admissions": [({"verdict": "at_risk"}, 1.0)],
        "airflow.llmbatch.cost_usd": [({"model": "m"}, 0.25)],
        "airflow.llmbatch.rows": [({"model": "org/M_del__7b_x_1_c", "outcome": "failed"}, 3.0)],
        "airflow.llmbatch.store_request_duration": [({"operation": "PutObject", "result": "conflict"}, 30.0)],
    }
    assert ours["airflow.llmbatch.store_request_duration"].unit == "ms"
    assert (
        ours["airflow.llmbatch.rows"].sum.aggregation_temporality
        == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    )


def points(metric: Metric) -> list[tuple[dict[str, str], float]]:
    if metric.HasField("sum"):
        return [(labels(point.attributes), float(point.as_int or point.as_double)) for point in metric.sum.data_points]
    histogram = metric.exponential_histogram
    return [(labels(point.attributes), point.sum) for point in histogram.data_points]


def labels(attributes: object) -> dict[str, str]:
    return {item.key: item.value.string_value for item in attributes}  # type: ignore[attr-defined]


def test_without_a_client_nothing_is_sent(tmp_path: Path) -> None:
    assert emit(tmp_path) == "off"
