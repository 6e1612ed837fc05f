"""Retrying what did not succeed: only that is run, and all rows are delivered and proved."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from fakes.proofs import put_proof
from fakes.retries import (
    CONFIG,
    CREATED,
    INPUT,
    accepted,
    delivered,
    finished,
    proof_of,
    put_answers,
    staged_rows_of,
    store_with_input,
)
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ReconcileError, RequestError, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import queue_uri
from llmbatch.core.manifest import RowRecord
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.stage import stage

STATES = {2: "failed", 7: "cancelled", 9: "failed", 12: "expired"}
"""What becomes of these lines in the first job; line 5 cannot be read."""


def first_job(**conf: Any) -> tuple[JobSpec, MemoryStore]:
    store = store_with_input()
    return finished(store, "first", STATES, input_uri="s3://b/in.jsonl", **conf), store


def lines_of(rows: list[dict[str, Any]]) -> list[int]:
    return [row["line"] for row in rows]


def test_only_rows_that_did_not_succeed_are_run_and_all_are_delivered() -> None:
    parent, store = first_job(system_prompt="be brief", prompt_column="prompt")
    before = dict(store.objects)
    assert proof_of(parent, store).rows == RowRecord(input=12, succeeded=7, failed=3, expired=1, cancelled=1)

    retry = accepted(store, "again", retry_failed_of=parent.job_id)
    assert (retry.retry_of, retry.inputs, retry.input_format) == (parent.root_uri, parent.inputs, parent.input_format)
    assert retry.request.input_uri == "s3://b/in.jsonl"
    assert (retry.request.system_prompt, retry.request.prompt_column) == ("be brief", "prompt")
    assert read_spec(retry.root_uri, store) == retry
    staged = stage(retry, store, ManualClock(CREATED))
    assert ([shard.rows for shard in staged.shards], staged.invalid_rows) == ([3, 1], 0)
    parents = {row["row_id"]: row for row in staged_rows_of(parent, store)}
    rows = staged_rows_of(retry, store)
    assert lines_of(rows) == [2, 7, 9, 12]
    assert rows == [parents[row["row_id"]] for row in rows]

    put_answers(retry, store, {7: "failed"})
    manifest = publish(retry, store, ManualClock(CREATED))
    assert manifest.rows == RowRecord(input=12, succeeded=10, failed=2)
    assert (manifest.missing, manifest.duplicates, manifest.retry_of) == (0, 0, parent.root_uri)
    assert (manifest.input.rows, manifest.input.invalid_rows) == (12, 1)
    assert (manifest.tokens.prompt, manifest.tokens.completion, manifest.tokens.cached) == (30, 50, 10)
    assert [shard.rows for shard in manifest.shards] == [3, 1]
    assert proof_of(retry, store) == manifest
    results = delivered(retry, store, "results.jsonl")
    assert [row["text"].split(":")[0] for row in results] == [
        "again" if row["line"] in STATES else "first" for row in results
    ]
    assert lines_of(results) == [1, 2, 3, 4, 6, 8, 9, 10, 11, 12]
    failed = delivered(retry, store, "failed.jsonl")
    assert [(row["line"], row["error_class"]) for row in failed] == [(5, "invalid"), (7, "timeout")]
    dead = [uri for uri in store.objects if uri.startswith(retry.layout.failed)]
    assert dead == [retry.layout.failed_shard("shard-00000")]
    assert pq.read_table(io.BytesIO(store.get(dead[0])))["line"].to_pylist() == [7]
    before.pop(queue_uri("s3://llmbatch/llmbatch"))
    assert {uri: store.objects[uri] for uri in before} == before


def test_a_retry_of_a_retry() -> None:
    parent, store = first_job()
    second = finished(store, "second", {7: "failed", 9: "expired"}, retry_failed_of=parent.job_id)
    third = finished(store, "third", retry_failed_of=second.job_id)
    assert lines_of(staged_rows_of(third, store)) == [7, 9]
    assert third.retry_of == second.root_uri
    manifest = proof_of(third, store)
    assert manifest.rows == RowRecord(input=12, succeeded=11, failed=1)
    assert (manifest.input.rows, manifest.input.invalid_rows) == (12, 1)
    by = {row["line"]: row["text"].split(":")[0] for row in delivered(third, store, "results.jsonl")}
    assert by == dict.fromkeys((1, 3, 4, 6, 8, 10, 11), "first") | {
        2: "second",
        12: "second",
        7: "third",
        9: "third",
    }
    with pytest.raises(RequestError, match="could not even be read"):
        accepted(store, "fourth", retry_failed_of=third.job_id)


def test_two_retries_of_one_job_do_not_meet() -> None:
    parent, store = first_job()
    finished(store, "one", STATES, retry_failed_of=parent.job_id)
    two = finished(store, "two", retry_failed_of=parent.job_id)
    assert proof_of(two, store).rows.succeeded == 11


def test_openai_lines_say_which_model_answered() -> None:
    chat = {"url": "/v1/chat/completions", "method": "POST"}
    bodies = [{**chat, "custom_id": name, "body": {"messages": [{"role": "user", "content": name}]}} for name in "abc"]
    store = store_with_input("".join(json.dumps(line) + "\n" for line in bodies).encode())
    parent = finished(store, "first", {2: "expired", 3: "failed"}, input_uri="s3://b/in.jsonl", max_error_rate=1)
    assert len(delivered(parent, store, "errors.jsonl")) == 2
    retry = finished(store, "again", {3: "failed"}, retry_failed_of=parent.job_id, model="big", max_error_rate=1)
    found = [(line["custom_id"], line["response"]["body"]["model"]) for line in delivered(retry, store, "output.jsonl")]
    assert found == [("a", "small"), ("b", "big")]
    (error,) = delivered(retry, store, "errors.jsonl")
    assert (error["custom_id"], error["error"]["code"]) == ("c", "request_timeout")
    assert proof_of(retry, store).model.name == "big"


def test_parquet_and_other_formats_than_the_parent_s() -> None:
    parent, store = first_job()
    retry = finished(store, "again", retry_failed_of=parent.job_id, output_format="parquet", output_uri="s3://b/whole")
    assert retry.output_format is OutputFormat.PARQUET
    results = pq.read_table(io.BytesIO(store.get(f"{retry.output_uri}results.parquet")))
    assert results["line"].to_pylist() == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]
    assert "model" not in results.schema.names


def test_the_model_is_the_parent_s_unless_another_is_given() -> None:
    parent, store = first_job(model="big")
    assert accepted(store, "same", retry_failed_of=parent.job_id).model_name == "big"
    other = accepted(store, "other", retry_failed_of=parent.job_id, model="small")
    assert (other.model_name, other.model_uri) == ("small", "hub/small")


def test_sampling_that_is_given_wins_over_the_rows() -> None:
    body = b'{"prompt": "a", "sampling": {"temperature": 0.5, "max_tokens": 5}}\n{"prompt": "b"}\n{"prompt": "c"}\n'
    store = store_with_input(body)
    parent = finished(
        store, "first", {1: "failed", 2: "failed"}, input_uri="s3://b/in.jsonl", sampling={"seed": 3}, max_error_rate=1
    )
    retry = accepted(store, "again", retry_failed_of=parent.job_id, sampling={"max_tokens": 99}, max_error_rate=1)
    stage(retry, store, ManualClock(CREATED))
    requests = [json.loads(row["request"]) for row in staged_rows_of(retry, store)]
    assert [{key: value for key, value in request.items() if key != "messages"} for request in requests] == [
        {"max_completion_tokens": 99, "seed": 3, "temperature": 0.5},
        {"max_completion_tokens": 99, "seed": 3},
    ]
    assert [row["answer_limit"] for row in staged_rows_of(retry, store)] == [99, 99]
    before = json.loads(staged_rows_of(parent, store)[0]["request"])
    assert requests[0]["messages"] == before["messages"]


def test_sampling_that_contradicts_a_row_s_is_refused() -> None:
    store = store_with_input(b'{"prompt": "a", "sampling": {"min_tokens": 50}}\n{"prompt": "b"}\n')
    parent = finished(store, "first", {1: "failed"}, input_uri="s3://b/in.jsonl")
    retry = accepted(store, "again", retry_failed_of=parent.job_id, sampling={"max_tokens": 9})
    with pytest.raises(RequestError, match=r"sampling: contradicts .*00000-000000001.*`min_tokens` is 50, more than"):
        stage(retry, store, ManualClock(CREATED))


GIVEN = [
    ("input_uri", "s3://b/in.jsonl"),
    ("input_format", "jsonl"),
    ("prompt_column", "prompt"),
    ("messages_column", "chat"),
    ("prompt_template", "{prompt}"),
    ("system_prompt", "be long"),
    ("output_schema", {"type": "object"}),
]


@pytest.mark.parametrize(("field", "value"), GIVEN, ids=[field for field, _ in GIVEN])
def test_what_is_the_parent_s_cannot_be_given(field: str, value: Any) -> None:
    parent, store = first_job()
    with pytest.raises(RequestError, match=rf"{parent.job_id}.*Leave it out") as caught:
        accepted(store, "again", retry_failed_of=parent.job_id, **{field: value})
    assert caught.value.field == field


def _no_proof(parent: JobSpec, store: MemoryStore) -> None:
    del store.objects[parent.layout.manifest]


def _foreign_proof(parent: JobSpec, store: MemoryStore) -> None:
    put_proof(store, parent.layout, "job-ffffffffffffffff")


def _no_job(parent: JobSpec, store: MemoryStore) -> None:
    for uri in [uri for uri in store.objects if uri.startswith(parent.root_uri)]:
        del store.objects[uri]


def _no_staged(parent: JobSpec, store: MemoryStore) -> None:
    del store.objects[parent.layout.staged_shard("shard-00001")]


BAD = [
    (_no_job, {}, "retry_failed_of", "there is no job in s3://llmbatch"),
    (_no_proof, {}, "retry_failed_of", "has not finished. Clear its task `run` instead"),
    (_foreign_proof, {}, "retry_failed_of", "is not the proof of.*Remove it"),
    (_no_staged, {}, "retry_failed_of", "have expired.*Start a new job on s3://b/in.jsonl"),
    (None, {"retry_failed_of": "job-ffffffffffffffff"}, "retry_failed_of", "there is no job"),
    (None, {"retry_failed_of": "first"}, "retry_failed_of", "should match"),
    (None, {"max_error_rate": 0.08}, "max_error_rate", r"1 of 12 rows .* \(8.33%\).*more than 8.00%"),
    (None, {"sampling": {"max_tokens": 0}}, "sampling.max_tokens", "greater than"),
]


@pytest.mark.parametrize(("damage", "conf", "field", "words"), BAD, ids=[f"{b[2]}-{i}" for i, b in enumerate(BAD)])
def test_a_retry_that_cannot_work_is_refused(damage: Any, conf: dict[str, Any], field: str, words: str) -> None:
    parent, store = first_job(output_uri="s3://b/answers/")
    if damage is not None:
        damage(parent, store)
    before = dict(store.objects)
    with pytest.raises(RequestError, match=words) as caught:
        accepted(store, "again", **{"retry_failed_of": parent.job_id, **conf})
    assert caught.value.field == field
    assert store.objects == before


def test_there_is_nothing_to_retry() -> None:
    store = store_with_input(INPUT.replace(b"broken", b'{"prompt": "whole"}'))
    parent = finished(store, "first", input_uri="s3://b/in.jsonl")
    with pytest.raises(RequestError, match=r"all 12 rows of .* succeeded"):
        accepted(store, "again", retry_failed_of=parent.job_id)


@pytest.mark.parametrize("change", ["gone", "replaced"])
@pytest.mark.parametrize("which", ["first", "second"])
def test_results_that_are_lost_are_missed_before_any_engine_starts_and_before_delivery(which: str, change: str) -> None:
    parent, store = first_job()
    second = finished(store, "second", {7: "failed"}, retry_failed_of=parent.job_id)
    third = accepted(store, "third", retry_failed_of=second.job_id)
    stage(third, store, ManualClock(CREATED))
    put_answers(third, store, {})
    uri = (parent if which == "first" else second).layout.result_shard("shard-00000")
    body = store.objects.pop(uri)
    if change == "replaced":
        store.put(uri, body + b" ")
    with pytest.raises(
        StoreError, match=r"shard-00000\.parquet is missing or differs from .*manifest.json, and a retry"
    ):
        accepted(store, "fourth", retry_failed_of=second.job_id)
    with pytest.raises(StoreError, match="Restore it from a backup"):
        publish(third, store, ManualClock(CREATED))
    assert not [uri for uri in store.objects if uri.startswith(third.output_uri)]


def test_a_parent_whose_folder_was_removed_is_missed_at_publish() -> None:
    parent, store = first_job()
    retry = accepted(store, "again", retry_failed_of=parent.job_id)
    stage(retry, store, ManualClock(CREATED))
    put_answers(retry, store, {})
    _no_job(parent, store)
    with pytest.raises(StoreError, match=r"spec.json does not exist, and a retry needs it"):
        publish(retry, store, ManualClock(CREATED))


def test_staged_rows_that_expired_after_accept() -> None:
    parent, store = first_job()
    retry = accepted(store, "again", retry_failed_of=parent.job_id)
    _no_staged(parent, store)
    with pytest.raises(StoreError, match=r"shard-00001\.parquet cannot be read.*start a new job"):
        stage(retry, store, ManualClock(CREATED))


def test_a_staged_shard_that_lost_a_row_is_noticed() -> None:
    parent, store = first_job()
    retry = accepted(store, "again", retry_failed_of=parent.job_id)
    shard = parent.layout.staged_shard("shard-00000")
    store.put(shard, store.get(parent.layout.staged_shard("shard-00001")))
    with pytest.raises(StoreError, match="holds 3 rows to retry where its manifest has 4"):
        stage(retry, store, ManualClock(CREATED))


def test_no_delivery_without_the_retry_s_own_proof() -> None:
    parent, store = first_job()
    retry = accepted(store, "again", retry_failed_of=parent.job_id)
    stage(retry, store, ManualClock(CREATED))
    put_answers(retry, store, {})
    del store.objects[retry.layout.result_shard("shard-00001")]
    with pytest.raises(ReconcileError, match="shard-00001"):
        publish(retry, store, ManualClock(CREATED))
    assert not [uri for uri in store.objects if uri.startswith(retry.output_uri)]


def test_staging_again_gives_the_same_bytes_and_publishing_again_the_same_proof() -> None:
    objects = []
    for _ in range(2):
        parent, store = first_job()
        finished(store, "again", {7: "failed"}, retry_failed_of=parent.job_id)
        objects.append(dict(store.objects))
    assert objects[0] == objects[1]


def test_a_retry_can_be_accepted_again() -> None:
    parent, store = first_job()
    retry = accepted(store, "again", retry_failed_of=parent.job_id)
    assert accepted(store, "again", retry_failed_of=parent.job_id) == retry


@pytest.mark.parametrize(
    ("limit", "may_fail"),
    [(0.5, 4), (0.4, 3), (0.25, 2), (0.17, 1), (0.09, 0), (1, 4)],
)
def test_the_limit_holds_for_the_whole_input(limit: float, may_fail: int) -> None:
    """Of 12 rows one cannot be read and 4 are retried."""
    parent, store = first_job()
    rate = accepted(store, "again", retry_failed_of=parent.job_id, max_error_rate=limit).request.max_error_rate
    assert [failed <= rate * 4 for failed in range(5)] == [failed <= may_fail for failed in range(5)]


@pytest.mark.parametrize(
    ("owner", "other", "words"),
    [
        ("ann", "bob", "belongs to user 'ann', and this run to user 'bob'"),
        ("ann", "", "belongs to user 'ann', and this run to the deployment"),
        ("", "bob", r"belongs to the deployment \(no user triggered it\), and this run to user 'bob'"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_retry_belongs_to_the_user_who_made_the_job(owner: str, other: str, words: str, dry_run: bool) -> None:
    parent, store = first_job(owner=owner)
    before = dict(store.objects)
    with pytest.raises(RequestError, match=f"retry_failed_of: {parent.job_id} {words}.*`admins` in config.yaml"):
        accepted(store, "again", owner=other, retry_failed_of=parent.job_id, dry_run=dry_run)
    assert store.objects == before
    assert accepted(store, "again", owner=owner, retry_failed_of=parent.job_id).owner == owner


def test_an_admin_may_retry_any_job_and_owns_the_retry() -> None:
    parent, store = first_job(owner="ann")
    config = CONFIG.model_copy(update={"admins": ("root",)})
    retry = accepted(store, "again", owner="root", config=config, retry_failed_of=parent.job_id)
    assert (retry.retry_of, retry.owner) == (parent.root_uri, "root")


def test_a_finished_job_is_not_given_to_the_same_run_of_another_user() -> None:
    """A run can be deleted, and another user can start one with its id."""
    parent, store = first_job(owner="ann")
    assert accepted(store, "first", owner="ann", input_uri="s3://b/in.jsonl") == parent
    with pytest.raises(RequestError, match=r"owner: job .* was accepted before with another owner"):
        accepted(store, "first", owner="bob", input_uri="s3://b/in.jsonl")


def test_a_sampled_job_is_proved_as_one_and_its_retry_runs_rows_of_the_sample_only() -> None:
    store = store_with_input()
    spec = finished(store, "first", sample_rows=6, input_uri="s3://b/in.jsonl")
    lines = [row["line"] for row in staged_rows_of(spec, store)]
    proof = proof_of(spec, store)
    assert (proof.input.rows, proof.input.sampled_of, proof.rows.input, len(lines)) == (6, 12, 6, 6)

    other = store_with_input()
    bad = next(line for line in lines if line != 5)
    parent = finished(other, "first", {bad: "failed"}, sample_rows=6, input_uri="s3://b/in.jsonl")
    retry = finished(other, "second", retry_failed_of=parent.job_id)
    assert [row["line"] for row in staged_rows_of(retry, other)] == [bad]
    merged = proof_of(retry, other)
    assert retry.request.sample_rows == 6
    assert (merged.input.rows, merged.input.sampled_of) == (6, 12)
    assert merged.rows.succeeded == sum(line != 5 for line in lines)


def test_the_sample_of_a_retry_is_the_parent_s() -> None:
    spec, store = first_job()
    with pytest.raises(RequestError, match=f"is taken from {spec.job_id}"):
        accepted(store, "retry", retry_failed_of=spec.job_id, sample_rows=2)
