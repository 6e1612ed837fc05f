"""Benchmarks as the API shows them: a run of the benchmark DAG, and its report in the store."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

from llmbatch.core.clock import Clock
from llmbatch.core.identity import BENCHMARK_DAG, benchmark_id_of
from llmbatch.core.layout import benchmark_uri
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient, DagRun, RunExists
from llmbatch.gateway.jobs.active import PAGE
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.benchmark.report import BenchmarkReport

BENCHMARK_ID_PATTERN = "^bench-[0-9a-f]{16}$"
NEWEST_RUNS = 300
"""Runs among which a benchmark without a report is searched."""

_STARTED = {
    "benchmark_id": "bench-0123456789abcdef",
    "dag_run_id": "api__20300101T000000__0123abcd",
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
    conf: Mapping[str, JsonValue], *, key: str | None, airflow: AirflowClient, caller: Caller, clock: Clock
) -> StartedBenchmark:
    """Start a run of the benchmark DAG; with an idempotency key, return the run that it has started already.

    Raises:
        Failure: as Airflow refuses; 409 if this user used the key for another benchmark.
    """
    if key is None:
        run_id = f"api__{clock.now():%Y%m%dT%H%M%S}__{secrets.token_hex(4)}"
    else:
        run_id = "key__" + hashlib.sha256(json.dumps([caller.user, key]).encode()).hexdigest()[:32]
    try:
        run = await airflow.start_run(caller.authorization, BENCHMARK_DAG, run_id, conf)
    except RunExists:
        run = await airflow.run(caller.authorization, BENCHMARK_DAG, run_id)
        if run.conf != conf:
            raise Failure(
                409,
                f"Idempotency-Key: it was used for another benchmark, {benchmark_id_of(run_id)}. Send another key.",
                type="conflict_error",
                param="Idempotency-Key",
                code="idempotency_key_reused",
            ) from None
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
