"""Benchmarks as the API shows them: a run of the benchmark DAG, and its report in the store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

from llmbatch.core.clock import Clock
from llmbatch.core.identity import BENCHMARK_DAG, benchmark_id_of
from llmbatch.core.layout import benchmark_uri
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.jobs.active import PAGE
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.benchmark.report import BenchmarkReport

BENCHMARK_ID_PATTERN = "^bench-[0-9a-f]{16}$"
NEWEST_RUNS = 300
"""Runs among which a benchmark without a report is searched."""

_STARTED = {
    "benchmark_id": "bench-0123456789abcdef",
    "dag_run_id": "api__2030-01-01T00:00:00__0123abcd",
    "state": "queued",
}


class StartedBenchmark(BaseModel):
    """A benchmark. ``state`` is that of its run: queued, running, success or failed."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_STARTED]})

    benchmark_id: str
    dag_run_id: str
    state: str


class Benchmark(StartedBenchmark):
    """A benchmark with its report, which is null until the last setting is measured."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{**_STARTED, "state": "running", "report": None}]}
    )

    report: BenchmarkReport | None


async def start_benchmark(
    conf: Mapping[str, JsonValue], *, airflow: AirflowClient, authorization: str, clock: Clock
) -> StartedBenchmark:
    """Start a run of the benchmark DAG with the rights of the caller. Raises ``Failure`` as Airflow refuses."""
    run_id = f"api__{clock.now():%Y-%m-%dT%H:%M:%S}__{secrets.token_hex(4)}"
    run = await airflow.start_run(authorization, BENCHMARK_DAG, run_id, conf)
    return StartedBenchmark(benchmark_id=benchmark_id_of(run_id), dag_run_id=run_id, state=run.state)


async def find_benchmark(
    benchmark_id: str, *, airflow: AirflowClient, authorization: str, base_uri: str, store: ObjectStore
) -> Benchmark:
    """Return a benchmark: its report, or before that the state of its run among the newest runs.

    Raises:
        Failure: 403 if the caller may not read the benchmark DAG, 404 for an unknown benchmark.
        StoreError: the store failed.
    """
    runs = await airflow.runs(authorization, BENCHMARK_DAG, limit=PAGE)
    uri = f"{benchmark_uri(base_uri, benchmark_id)}report.json"
    report = await asyncio.to_thread(read_if_readable, BenchmarkReport, uri, store)
    run = await _run_of(benchmark_id, runs, airflow, authorization)
    if run is not None:
        return Benchmark(benchmark_id=benchmark_id, dag_run_id=run.dag_run_id, state=run.state, report=report)
    if report is not None:  # its run was removed from Airflow, or is older
        return Benchmark(benchmark_id=benchmark_id, dag_run_id=report.run_id, state="success", report=report)
    raise Failure(404, f"There is no benchmark {benchmark_id}.", code="benchmark_not_found")


async def _run_of(
    benchmark_id: str, newest: tuple[DagRun, ...], airflow: AirflowClient, authorization: str
) -> DagRun | None:
    page, offset = newest, 0
    while True:
        for run in page:
            if benchmark_id_of(run.dag_run_id) == benchmark_id:
                return run
        offset += PAGE
        if len(page) < PAGE or offset >= NEWEST_RUNS:
            return None
        page = await airflow.runs(authorization, BENCHMARK_DAG, limit=PAGE, offset=offset)
