"""The benchmark on the real engine, and what later jobs have of it."""

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


def test_two_settings_give_a_table_and_the_next_job_starts_from_what_they_measured(running: Running, tiny_model: str):
    lines = [json.dumps({"prompt": f"Write about the number {number}."}) for number in range(ROWS)]
    running.store.put(INPUT, "\n".join(lines).encode())
    conf: dict[str, object] = {"input_uri": INPUT, "model": tiny_model, "num_samples": SAMPLE, "max_tokens": 64}
    grid = {"batch_sizes": [8, 32], "chunked_prefill": [False]}
    run_id = running.api.trigger(BENCHMARK_DAG, {**conf, **grid}).run_id
    assert end_of(running, BENCHMARK_DAG, run_id) == "success"

    benchmark_id = benchmark_id_of(run_id)
    folder = benchmark_uri(BASE_URI, benchmark_id)
    report = BenchmarkReport.model_validate_json(running.store.get(f"{folder}report.json"))
    assert [(each.problem, each.succeeded, each.rows) for each in report.settings] == [("", SAMPLE, SAMPLE)] * 2
    assert [each.engine and (each.engine.batch_size, each.engine.chunked_prefill) for each in report.settings] == [
        (8, False),
        (32, False),
    ]
    for each in report.settings:
        assert (each.output_tokens_per_second or 0) > (each.requests_per_second or 0) > 0
        assert (each.latency_p95 or 0) >= (each.latency_p50 or 0) > 0
        assert (each.peak_memory_mb or 0) > 100
        assert (each.start_seconds or 0) > 0
    assert report.best in {1, 2}
    assert report.sampled_of == ROWS

    assert report.table() in running.store.get(f"{folder}report.md").decode()
    log = running.api.log(BENCHMARK_DAG, run_id, "compare", running.api.tasks(BENCHMARK_DAG, run_id)["compare"].attempt)
    assert all(line in log for line in report.table().splitlines())

    layouts = [JobLayout.of(BASE_URI, job_id_of(DAG_ID, benchmark_run_id(benchmark_id, n))) for n in (1, 2)]
    proofs = [read_manifest(layout, running.store) for layout in layouts]
    assert [(proof.input.rows, proof.input.sampled_of, proof.missing) for proof in proofs] == [(SAMPLE, ROWS, 0)] * 2
    staged = [[running.store.head(layout.staged_shard(f"shard-{n:05d}")).etag for n in range(2)] for layout in layouts]
    assert staged[0] == staged[1], "every setting runs the same rows"

    engine = {"batch_size": 32, "chunked_prefill": False}
    request = {"input_uri": INPUT, "model": tiny_model, "sampling": {"max_tokens": 64}, "engine": engine}
    next_run = running.api.trigger(DAG_ID, {**request, "dry_run": True}).run_id
    assert end_of(running, DAG_ID, next_run) == "success"
    layout = JobLayout.of(BASE_URI, job_id_of(DAG_ID, next_run))
    assert read_spec(layout.root, running.store).engine.max_num_seqs == 32
    basis, found = (json.loads(running.store.get(uri)) for uri in (layout.basis, layout.dry_run))
    assert basis["jobs"] == 1
    assert basis["priors"]["rate"] > 0
    assert found["eta"]["p50"] > 0
