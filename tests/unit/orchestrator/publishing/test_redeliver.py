"""A finished job is delivered to another address without running anything again."""

from __future__ import annotations

import json

import pytest

from fakes.proofs import put_proof
from fakes.retries import accepted, delivered, finished, store_with_input
from llmbatch.core.errors import ForeignManifest, ReconcileError, RequestError, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.publishing.redeliver import delivered_to, redeliver

TARGET = "s3://b/second"


def finished_job(**conf: object) -> tuple[JobSpec, MemoryStore]:
    store = store_with_input()
    return finished(store, "first", {2: "failed", 7: "cancelled"}, input_uri="s3://b/in.jsonl", **conf), store


@pytest.mark.parametrize("output_format", ["jsonl", "parquet", "openai_batch"])
def test_the_same_files_a_copy_of_the_proof_and_the_pointer(output_format: str) -> None:
    spec, store = finished_job(output_uri="s3://b/first", output_format=output_format)
    for info in list(store.list(spec.layout.staged)):
        store.delete(info.uri)  # staged rows expire earlier than results
    before = dict(store.objects)
    outputs = redeliver(delivered_to(spec, TARGET), store)
    new = {uri: body for uri, body in store.objects.items() if uri not in before}
    folder = f"{TARGET}/{spec.job_id}/"
    assert {uri.removeprefix(folder): body for uri, body in new.items() if uri.startswith(folder)} == {
        uri.removeprefix(spec.output_uri): body for uri, body in before.items() if uri.startswith(spec.output_uri)
    }
    assert json.loads(new[f"{TARGET}/latest.json"])["output_uri"] == folder
    assert len(new) == len(outputs) + 2
    assert {uri: store.objects[uri] for uri in before} == before


def test_a_retry_is_delivered_as_the_merged_whole() -> None:
    parent, store = finished_job()
    retry = finished(store, "again", {2: "failed"}, retry_failed_of=parent.job_id)
    there = delivered_to(retry, TARGET)
    redeliver(there, store)
    for name in ("results.jsonl", "failed.jsonl"):
        assert delivered(there, store, name) == delivered(retry, store, name)


def test_ids_that_repeat_are_left_out_as_in_the_first_delivery() -> None:
    store = store_with_input(b'{"id": "x", "prompt": "a"}\n{"id": "x", "prompt": "b"}\n')
    first = finished(store, "first", {2: "failed"}, input_uri="s3://b/in.jsonl")
    retry = finished(store, "again", {}, retry_failed_of=first.job_id)
    for spec in (first, retry):
        there = delivered_to(spec, TARGET)
        redeliver(there, store)
        rows = delivered(there, store, "results.jsonl")
        assert rows == delivered(spec, store, "results.jsonl")
        assert {row["custom_id"] for row in rows} == {None}


def test_only_a_finished_job_is_delivered() -> None:
    store = store_with_input()
    spec = accepted(store, "first", input_uri="s3://b/in.jsonl")
    with pytest.raises(RequestError, match="has not finished"):
        redeliver(delivered_to(spec, TARGET), store)
    put_proof(store, spec.layout, "job-ffffffffffffffff")
    with pytest.raises(ForeignManifest):
        redeliver(delivered_to(spec, TARGET), store)


def test_nothing_is_delivered_if_results_are_lost_or_differ_from_the_proof() -> None:
    spec, store = finished_job()
    proof = json.loads(store.get(spec.layout.manifest))
    store.put(spec.layout.manifest, json.dumps(proof | {"rows": {**proof["rows"], "failed": 1}}).encode())
    with pytest.raises(ReconcileError):
        redeliver(delivered_to(spec, TARGET), store)
    store.delete(spec.layout.result_shard("shard-00001"))
    with pytest.raises(StoreError, match="shard-00001"):
        redeliver(delivered_to(spec, TARGET), store)
    assert not list(store.list(TARGET))
