"""The best of two settings becomes the default of its model. The fake engine likes more rows at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from chaos.cell import Matrix
from chaos.stack import SHARD_ROWS, echo_engine
from e2e.running import Running
from llmbatch.core.identity import BENCHMARK_DAG, benchmark_id_of, benchmark_run_id, job_id_of
from llmbatch.core.layout import JobLayout, benchmark_uri, tuned_uri
from llmbatch.core.manifest import read_manifest
from llmbatch.core.tuned import Tuned
from llmbatch.orchestrator.benchmark.report import BenchmarkReport
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch_stack.demo.job_run import BASE_URI, DAG_ID
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(1800)]

INPUT = f"s3://{BUCKET}/inputs/e2e/adoption.jsonl"
ROWS, SAMPLE = 60, 48


@pytest.fixture
def running(matrix: Matrix) -> Iterator[Running]:
    stack = matrix.stack
    stack.mend()
    stack.configure(echo_engine(stack.journal, 0.5))
    with stack.api() as api:
        yield Running(stack.settings, stack.credentials, stack.store, api)
    stack.store.delete(tuned_uri(BASE_URI, "smollm2"))


def end_of(running: Running, dag_id: str, run_id: str) -> str:
    while not (run := running.api.run(dag_id, run_id)).is_over:
        time.sleep(1)
    return run.state


def test_the_best_of_two_settings_is_adopted_and_shown(running: Running):
    rows = [json.dumps({"prompt": f"Say {number}."}) for number in range(ROWS)]
    running.store.put(INPUT, "\n".join(rows).encode())
    grid = {"input_uri": INPUT, "num_samples": SAMPLE, "batch_sizes": [4, 12], "adopt": True}
    run_id = running.api.trigger(BENCHMARK_DAG, grid).run_id
    assert end_of(running, BENCHMARK_DAG, run_id) == "success"
    check_report(running, run_id)
    tuned = Tuned.model_validate_json(running.store.get(tuned_uri(BASE_URI, "smollm2")))
    assert (tuned.benchmark_id, tuned.settings.batch_size) == (benchmark_id_of(run_id), 12)

    next_run = running.api.trigger(DAG_ID, {"input_uri": INPUT}).run_id
    own = running.api.trigger(DAG_ID, {"input_uri": INPUT, "engine": {"batch_size": 6}, "dry_run": True}).run_id
    assert running.finish(next_run).rows.succeeded == ROWS
    spec = read_spec(JobLayout.of(BASE_URI, job_id_of(DAG_ID, next_run)).root, running.store)
    assert spec.engine.max_num_seqs == 12
    assert spec.tuned is not None
    assert spec.tuned.benchmark_id == tuned.benchmark_id
    log = running.api.log(DAG_ID, next_run, "accept", running.api.tasks(DAG_ID, next_run)["accept"].attempt)
    assert f"tuned={tuned.benchmark_id}" in log

    assert end_of(running, DAG_ID, own) == "success"
    assert read_spec(JobLayout.of(BASE_URI, job_id_of(DAG_ID, own)).root, running.store).engine.max_num_seqs == 6


def check_report(running: Running, run_id: str) -> None:
    """Both settings ran the same rows; the table is in the report and in the log. Figures: see ``test_benchmark``."""
    benchmark_id = benchmark_id_of(run_id)
    folder = benchmark_uri(BASE_URI, benchmark_id)
    report = BenchmarkReport.model_validate_json(running.store.get(f"{folder}report.json"))
    assert [(each.problem, each.succeeded, each.rows) for each in report.settings] == [("", SAMPLE, SAMPLE)] * 2
    assert [each.engine and each.engine.batch_size for each in report.settings] == [4, 12]
    assert (report.best, report.sampled_of) == (2, ROWS)
    assert report.table() in running.store.get(f"{folder}report.md").decode()
    log = running.api.log(BENCHMARK_DAG, run_id, "compare", running.api.tasks(BENCHMARK_DAG, run_id)["compare"].attempt)
    assert all(line in log for line in report.table().splitlines())
    layouts = [JobLayout.of(BASE_URI, job_id_of(DAG_ID, benchmark_run_id(benchmark_id, n))) for n in (1, 2)]
    proofs = [read_manifest(layout, running.store) for layout in layouts]
    assert [(proof.input.rows, proof.input.sampled_of, proof.missing) for proof in proofs] == [(SAMPLE, ROWS, 0)] * 2
    one, other = (
        {info.uri.removeprefix(at.staged): info.etag for info in running.store.list(at.staged)} for at in layouts
    )
    shards = {name for name in one if name.endswith(".parquet")}
    assert len(shards) == SAMPLE // SHARD_ROWS
    assert all(one[name] == other[name] for name in shards), "every setting runs the same rows"


def test_a_grid_beyond_the_limits_starts_no_job(running: Running):
    run_id = running.api.trigger(BENCHMARK_DAG, {"input_uri": INPUT, "concurrencies": [1, 500]}).run_id
    assert end_of(running, BENCHMARK_DAG, run_id) == "failed"
    tasks = running.api.tasks(BENCHMARK_DAG, run_id)
    assert tasks["plan"].state == "failed"
    assert "limits.max_concurrency" in running.api.log(BENCHMARK_DAG, run_id, "plan", tasks["plan"].attempt)
