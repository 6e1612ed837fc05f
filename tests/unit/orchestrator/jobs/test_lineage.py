"""A published job and the jobs that it retried."""

from __future__ import annotations

import pytest

from fakes.retries import finished, store_with_input
from llmbatch.core.errors import SpecError, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.lineage import PublishedJob, lineage


def chain() -> tuple[list[JobSpec], MemoryStore]:
    """Three jobs: each one retries the rows of the one before it. Line 5 of the input cannot be read."""
    store = store_with_input()
    first = finished(store, "first", {2: "failed", 7: "cancelled", 12: "expired"}, input_uri="s3://b/in.jsonl")
    second = finished(store, "second", {7: "failed"}, retry_failed_of=first.job_id)
    third = finished(store, "third", retry_failed_of=second.job_id)
    return [first, second, third], store


def test_the_oldest_job_is_first() -> None:
    jobs, store = chain()
    assert [job.spec for job in lineage(jobs[2].root_uri, store)] == jobs
    assert [job.spec for job in lineage(jobs[0].root_uri, store)] == jobs[:1]


def test_rows_to_retry_are_those_that_can_run_again() -> None:
    jobs, store = chain()
    assert [job.rows_to_retry for job in lineage(jobs[2].root_uri, store)] == [3, 1, 0]


def test_a_result_is_ordered_by_row_id() -> None:
    (first, *_), store = chain()
    job = PublishedJob.read(first.root_uri, store)
    rows = [row for shard in job.proof.shards for row in job.result(shard, store)["line"].to_pylist()]
    assert rows == list(range(1, 13))


@pytest.mark.parametrize("number", [0, 1])
def test_a_lost_result_of_any_job_is_an_error(number: int) -> None:
    jobs, store = chain()
    uri = jobs[number].layout.result_shard("shard-00000")
    store.put(uri, store.get(uri) + b" ")
    assert PublishedJob.read(jobs[number].root_uri, store).lost_result(store) == uri
    with pytest.raises(StoreError, match=f"{uri} is missing or differs from"):
        lineage(jobs[2].root_uri, store)


def test_a_missing_job_is_an_error() -> None:
    jobs, store = chain()
    store.delete(jobs[0].layout.manifest)
    with pytest.raises(StoreError, match=rf"{jobs[0].job_id}/manifest\.json does not exist, and a retry needs it"):
        lineage(jobs[2].root_uri, store)


def test_a_job_that_retries_itself_is_an_error() -> None:
    jobs, store = chain()
    forged = jobs[0].model_copy(update={"retry_of": jobs[2].root_uri})
    store.put(jobs[0].layout.spec, forged.model_dump_json().encode())
    with pytest.raises(SpecError, match=f"{jobs[0].layout.spec}: retries {jobs[2].root_uri}, which is a retry of it"):
        lineage(jobs[2].root_uri, store)
