"""A benchmark measures the real engine, and later jobs start from that. ``echo/test_adoption`` compares settings."""

import json
import time

import pytest

from e2e.running import Running
from llmbatch.core.identity import BENCHMARK_DAG, benchmark_id_of, benchmark_run_id, job_id_of
from llmbatch.core.layout import JobLayout, benchmark_uri
from llmbatch.core.manifest import read_manifest
from llmbatch.orchestrator.benchmark.report import BenchmarkReport
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch_stack.demo.job_run import BASE_URI, DAG_ID
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

INPUT = f"s3://{BUCKET}/inputs/e2e/benchmark.jsonl"
ROWS, SAMPLE = 600, 240


def end_of(running: Running, dag_id: str, run_id: str) -> str:
    while not (run := running.api.run(dag_id, run_id)).is_over:
        time.sleep(1)
    return run.state


def test_a_setting_is_measured_and_the_next_job_starts_from_that(running: Running, tiny_model: str):
    lines = [json.dumps({"prompt": f"Write about the number {number}."}) for number in range(ROWS)]
    running.store.put(INPUT, "\n".join(lines).encode())
    conf: dict[str, object] = {"input_uri": INPUT, "model": tiny_model, "num_samples": SAMPLE, "max_tokens": 64}
    grid = {"batch_sizes": [32], "chunked_prefill": [False]}
    run_id = running.api.trigger(BENCHMARK_DAG, {**conf, **grid}).run_id
    assert end_of(running, BENCHMARK_DAG, run_id) == "success"

    benchmark_id = benchmark_id_of(run_id)
    folder = benchmark_uri(BASE_URI, benchmark_id)
    report = BenchmarkReport.model_validate_json(running.store.get(f"{folder}report.json"))
    (found,) = report.settings
    assert (found.problem, found.succeeded, found.rows) == ("", SAMPLE, SAMPLE)
    assert found.engine is not None
    assert (found.engine.batch_size, found.engine.chunked_prefill) == (32, False)
    assert (found.output_tokens_per_second or 0) > (found.requests_per_second or 0) > 0
    assert (found.latency_p95 or 0) >= (found.latency_p50 or 0) > 0
    assert (found.peak_memory_mb or 0) > 100
    assert (found.start_seconds or 0) > 0
    assert (report.best, report.sampled_of) == (1, ROWS)

    proof = read_manifest(JobLayout.of(BASE_URI, job_id_of(DAG_ID, benchmark_run_id(benchmark_id, 1))), running.store)
    assert (proof.input.rows, proof.input.sampled_of, proof.missing) == (SAMPLE, ROWS, 0)

    engine = {"batch_size": 32, "chunked_prefill": False}
    request = {"input_uri": INPUT, "model": tiny_model, "sampling": {"max_tokens": 64}, "engine": engine}
    next_run = running.api.trigger(DAG_ID, {**request, "dry_run": True}).run_id
    assert end_of(running, DAG_ID, next_run) == "success"
    layout = JobLayout.of(BASE_URI, job_id_of(DAG_ID, next_run))
    assert read_spec(layout.root, running.store).engine.max_num_seqs == 32
    basis, forecast = (json.loads(running.store.get(uri)) for uri in (layout.basis, layout.dry_run))
    assert basis["jobs"] == 1
    assert basis["priors"]["rate"] > 0
    assert forecast["eta"]["p50"] > 0
