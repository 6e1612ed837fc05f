"""Rows of an earlier job that run again."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from fakes.retries import accepted, delivered, finished, proof_of, staged_rows_of, store_with_input
from llmbatch.core.errors import RequestError, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.staging.retry import ids_repeated, rows_to_retry


def first_job(**conf: object) -> tuple[JobSpec, MemoryStore]:
    """A published job. Lines 2, 7 and 12 did not succeed, and line 5 cannot be read."""
    store = store_with_input()
    states = {2: "failed", 7: "cancelled", 12: "expired"}
    return finished(store, "first", states, input_uri="s3://b/in.jsonl", **conf), store


def again(spec: JobSpec, store: MemoryStore, **conf: object) -> JobSpec:
    """A job that retries another one."""
    return accepted(store, "again", retry_failed_of=spec.job_id, max_error_rate=1, **conf)


def test_rows_that_did_not_succeed_are_as_they_were_staged() -> None:
    spec, store = first_job()
    rows = list(rows_to_retry(again(spec, store), spec.root_uri, store))
    staged = {row["line"]: row for row in staged_rows_of(spec, store)}
    assert [asdict(row) for row in rows] == [staged[n] for n in (2, 7, 12)]


def test_the_last_job_of_a_chain_has_the_rows() -> None:
    spec, store = first_job()
    second = finished(store, "second", {7: "failed"}, retry_failed_of=spec.job_id)
    assert [row.line for row in rows_to_retry(again(second, store), second.root_uri, store)] == [7]


def test_sampling_overrides_the_rows_own() -> None:
    spec, store = first_job(sampling={"max_tokens": 5, "seed": 3})
    (row, *_) = rows_to_retry(again(spec, store, sampling={"max_tokens": 9}), spec.root_uri, store)
    body = json.loads(row.request)
    assert (body["max_completion_tokens"], body["seed"], row.answer_limit) == (9, 3, 9)


def test_sampling_that_contradicts_a_row_is_refused() -> None:
    spec, store = first_job(sampling={"min_tokens": 50})
    with pytest.raises(RequestError, match=r"sampling: contradicts what row 00000-000000002 has of its own"):
        list(rows_to_retry(again(spec, store, sampling={"max_tokens": 9}), spec.root_uri, store))


def test_a_staged_shard_that_is_missing_is_an_error() -> None:
    spec, store = first_job()
    retry = again(spec, store)
    store.delete(spec.layout.staged_shard("shard-00000"))
    with pytest.raises(StoreError, match=r"shard-00000\.parquet cannot be read.*start a new job"):
        list(rows_to_retry(retry, spec.root_uri, store))


def test_fewer_rows_than_the_manifest_has_are_an_error() -> None:
    spec, store = first_job()
    store.put(spec.layout.staged_shard("shard-00000"), store.get(spec.layout.staged_shard("shard-00001")))
    with pytest.raises(StoreError, match="holds 2 rows to retry where its manifest has 3"):
        list(rows_to_retry(again(spec, store), spec.root_uri, store))


REPEATED = b'{"id": "x", "prompt": "a"}\n{"id": "x", "prompt": "b"}\n{"id": "y", "prompt": "c"}\n'


def test_the_request_of_a_retry_overrides_the_rows_own() -> None:
    spec, store = first_job(request={"top_k": 3})
    (row, *_) = rows_to_retry(again(spec, store, request={"top_k": 4, "n": 2}), spec.root_uri, store)
    body = json.loads(row.request)
    assert (body["top_k"], body["n"], row.answer_limit) == (4, 2, 512)


@pytest.mark.parametrize(("body", "repeats"), [(REPEATED, True), (REPEATED.replace(b"x", b"z", 1), False)])
def test_a_retry_maps_rows_as_its_first_job_does(body: bytes, repeats: bool) -> None:
    store = store_with_input(body)
    first = finished(store, "first", {2: "failed"}, input_uri="s3://b/in.jsonl")
    second = finished(store, "second", {}, retry_failed_of=first.job_id)
    ids = [None, None, None] if repeats else ["z", "x", "y"]
    assert ids_repeated(second.root_uri, store) is repeats
    for spec, lines in ((first, [1, 3]), (second, [1, 2, 3])):
        assert proof_of(spec, store).input.ids_repeat is repeats
        rows = delivered(spec, store, "results.jsonl")
        assert [(row["line"], row["custom_id"]) for row in rows] == [(line, ids[line - 1]) for line in lines]
    assert [row["custom_id"] for row in delivered(first, store, "failed.jsonl")] == [ids[1]]


def test_a_retry_of_a_job_without_staging_is_an_error() -> None:
    spec, store = first_job()
    store.delete(spec.layout.staged_manifest)
    with pytest.raises(StoreError, match=r"manifest\.json does not exist. Start a new job"):
        ids_repeated(spec.root_uri, store)
