"""Names of jobs, rows and submissions, derived from other names."""

import re

from llmbatch.core.identity import (
    JOB_ID_PATTERN,
    benchmark_id_of,
    benchmark_run_id,
    job_id_of,
    row_id_of,
    submission_id_of,
)


def test_job_id_is_stable_and_distinct():
    assert job_id_of("llmbatch_inference", "manual__1") == "job-0de515583d6c3cd9"
    assert job_id_of("a", "bc") != job_id_of("ab", "c")


def test_a_job_id_matches_its_pattern():
    assert re.fullmatch(JOB_ID_PATTERN, job_id_of("d", "r"))


def test_ids_sort_as_rows_do():
    assert row_id_of(0, 17) == "00000-000000017"
    assert sorted([row_id_of(1, 2), row_id_of(0, 10), row_id_of(0, 9)]) == [
        row_id_of(0, 9),
        row_id_of(0, 10),
        row_id_of(1, 2),
    ]
    assert submission_id_of("job-1", 2) == "job-1-g2"


def test_the_runs_of_a_benchmark_are_named_by_it():
    first = benchmark_id_of("manual__1")
    assert re.fullmatch("bench-[0-9a-f]{16}", first)
    assert (benchmark_id_of("manual__1"), benchmark_run_id(first, 3)) == (first, f"bench__{first}__3")
    assert benchmark_id_of("manual__2") != first
