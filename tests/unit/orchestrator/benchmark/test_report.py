"""The table of a benchmark."""

from __future__ import annotations

from fakes.finished_jobs import NOW
from llmbatch.core.engine_settings import Accelerator
from llmbatch.core.request_options import SpeedOptions
from llmbatch.orchestrator.benchmark.report import BenchmarkReport, EngineUsed, SettingResult, best_of

USED = EngineUsed(
    batch_size=64, concurrency=2, max_num_batched_tokens=4096, enforce_eager=True, chunked_prefill=None
)  # fmt: skip


def result(number: int, tokens: float | None, **more: object) -> SettingResult:
    given = {"number": number, "run_id": f"r{number}", "job_id": f"j{number}", "setting": SpeedOptions()}
    return SettingResult.model_validate({**given, "output_tokens_per_second": tokens, **more})


def report_of(*results: SettingResult) -> BenchmarkReport:
    return BenchmarkReport(
        benchmark_id="bench-1",
        run_id="manual",
        model="small",
        accelerator=Accelerator.CPU,
        input_uri="s3://b/in.jsonl",
        sampled_of=5000,
        written_at=NOW,
        settings=results,
        best=best_of(results),
    )


def test_the_best_has_the_most_tokens_a_second_of_those_without_a_problem() -> None:
    assert best_of((result(1, 5.0), result(2, 9.0), result(3, 99.0, problem="5 rows failed"), result(4, 9.0))) == 2
    assert best_of((result(1, None), result(2, 0.0))) == 2
    assert best_of((result(1, None),)) is None


def test_a_row_shows_what_is_known_and_a_dash_for_the_rest() -> None:
    good = result(
        1, 51.25, engine=USED, rows=100, succeeded=95, unreadable=5, requests_per_second=2.5, peak_memory_mb=900,
        work_seconds=38.0,
    )  # fmt: skip
    bad = result(2, None, problem="out of memory | here")
    lines = report_of(good, bad).table().splitlines()
    assert len(lines) == 4
    assert len({line.count(" | ") for line in lines}) == 1
    assert lines[2].split(" | ")[:8] == ["| 1 *", "64", "2", "4096", "yes", "-", "2.50", "51.2"]
    assert lines[2].split(" | ")[-5:] == ["-", "-", "38.0", "95/95", "- |"]
    assert lines[3].startswith("| 2 | - | - | ")
    assert lines[3].endswith("out of memory \\| here |")


def test_little_work_is_said_to_be_rough() -> None:
    assert "larger sample" in report_of(result(1, 5.0, work_seconds=3.0)).markdown()
    assert "larger sample" not in report_of(result(1, 5.0, work_seconds=60.0)).markdown()
