"""What the jobs of a benchmark measured, and one that failed."""

from __future__ import annotations

from fakes.benchmarked import broken, measured, planned_jobs, spec_for
from fakes.finished_jobs import BASE, NOW
from llmbatch.core.config import Config
from llmbatch.core.layout import benchmark_uri
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.benchmark.comparison import compare
from llmbatch.orchestrator.benchmark.plan import PlannedJob
from llmbatch.orchestrator.benchmark.report import BenchmarkReport

CONFIG = Config.model_validate({"default_model": "small", "models": {"small": {"uri": "hub/small"}}})


def compared(jobs: list[PlannedJob], store: MemoryStore) -> BenchmarkReport:
    return compare(
        jobs,
        benchmark_id="bench-1",
        run_id="manual",
        model="small",
        engine=CONFIG.engine,
        base_uri=BASE,
        store=store,
        now=NOW,
    )


def test_figures_are_those_of_the_jobs_and_the_fastest_is_the_best() -> None:
    store, jobs = MemoryStore(), planned_jobs(8, 16)
    measured(store, jobs[0], 10_000)
    measured(store, jobs[1], 20_000)
    report = compared(jobs, store)
    assert (report.best, report.sampled_of, report.input_uri) == (2, 5000, "s3://b/in.jsonl")
    first = report.settings[0]
    assert first.engine is not None
    assert (first.engine.batch_size, first.engine.max_num_batched_tokens, first.problem) == (8, 4096, "")
    assert (first.rows, first.succeeded, first.unreadable) == (100, 95, 5)
    assert (first.work_seconds, first.requests_per_second, first.output_tokens_per_second) == (3420.0, 0.028, 2.924)
    assert (first.latency_p50, first.latency_p95, first.peak_memory_mb) == (1.5, 4.0, 900)
    assert first.usd_per_million_tokens == 166.67
    folder = benchmark_uri(BASE, "bench-1")
    assert BenchmarkReport.model_validate_json(store.get(f"{folder}report.json")) == report
    assert report.table() in store.get(f"{folder}report.md").decode()


def test_a_setting_that_fails_is_a_row_with_its_reason_and_never_the_best() -> None:
    store, jobs = MemoryStore(), planned_jobs(8, 16, 32, 64, 128)
    broken(store, jobs[0], "engine could not start: out of memory\nTraceback")
    measured(store, jobs[1], 90_000, succeeded=90)
    store.put(spec_for(jobs[2]).layout.spec, spec_for(jobs[2]).model_dump_json().encode())
    measured(store, jobs[4], 10_000)
    report = compared(jobs, store)
    problems = [each.problem for each in report.settings]
    assert problems[0] == "failed: engine could not start: out of memory"
    assert problems[1] == "5 rows did not succeed"
    assert problems[2] == "no engine was started; the logs of run bench__bench-1__3 have the reason"
    assert problems[3].startswith("not accepted; the log of the task accept of run bench__bench-1__4")
    assert (problems[4], report.best) == ("", 5)


def test_without_one_success_there_is_no_best() -> None:
    store, jobs = MemoryStore(), planned_jobs(8)
    broken(store, jobs[0], "")
    report = compared(jobs, store)
    assert (report.best, report.sampled_of, report.settings[0].problem) == (None, None, "ended in phase failed")
    assert "No setting can be called the best" in report.markdown()
