"""Lines of OpenAI's output and error files."""

from __future__ import annotations

import json

import pytest

from fakes.answered_jobs import NOW, answered, staged_job
from fakes.delivered import lines
from fakes.results import answer, chat_body, put_result
from llmbatch.core.clock import ManualClock
from llmbatch.core.request_options import InputFormat, OutputFormat, Reactions
from llmbatch.core.store import ObjectInfo
from llmbatch.orchestrator.jobs.staged_shards import decode_shard
from llmbatch.orchestrator.publishing.openai_lines import OpenaiLines
from llmbatch.orchestrator.publishing.publish import publish

BODY = """{"object": "text_completion",
 "choices": [{"index": 0, "text": "a\\nb\u2028"}]}"""


def test_openai_output() -> None:
    body = b"".join(
        json.dumps({"custom_id": name, "url": f"/v1/{url}", "method": "POST", "body": body}).encode() + b"\n"
        for name, url, body in [
            ("a", "chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
            ("b", "completions", {"prompt": "once"}),
            ("c", "chat/completions", {}),
            ("d", "completions", {"prompt": "late"}),
        ]
    )
    spec, store = staged_job(OutputFormat.OPENAI_BATCH, body, InputFormat.OPENAI_BATCH)
    rows = [answer(row) for row in decode_shard(store.get(spec.layout.staged_shard("shard-00000"))).to_pylist()]
    bodies = [json.dumps(chat_body("answer 1 ä") | {"score": 1e-05, "a": [1, 1.0]}), BODY]
    for row, body in zip(rows, bodies, strict=False):
        row["response"] = body
    rows[3] |= {"state": "expired", "response": None}
    put_result(spec, store, "shard-00000", rows)
    manifest = publish(spec, store, ManualClock(NOW))
    assert (manifest.rows.failed, manifest.rows.expired) == (1, 1)
    chat, completion = lines(store, "output.jsonl")
    assert list(chat) == ["id", "custom_id", "response", "error"]
    assert chat["id"].startswith("batch_req_")
    assert (chat["custom_id"], chat["error"], chat["response"]["status_code"]) == ("a", None, 200)
    assert chat["response"]["body"] == json.loads(bodies[0])
    assert f'"body":{bodies[0]}}}' in store.get("s3://b/out/output.jsonl").decode()
    assert completion["response"]["body"] == json.loads(BODY)
    failed, expired = lines(store, "errors.jsonl")
    assert (failed["custom_id"], failed["response"]["status_code"], failed["error"]["code"]) == ("c", 400, "invalid")
    assert "messages" in failed["error"]["message"]
    assert failed["error"] == {key: failed["response"]["body"]["error"][key] for key in ("code", "message")}
    assert failed["response"]["body"]["error"] | {"message": "", "code": ""} == {
        "message": "", "type": "invalid_request_error", "param": None, "code": "",
    }  # fmt: skip
    assert (expired["custom_id"], expired["response"], expired["error"]["code"]) == ("d", None, "batch_expired")
    assert expired["error"]["message"] == ("This request could not be executed before the completion window expired.")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"error_class": "invalid"}, 400, "invalid"),
        ({"error_class": "too_long"}, 400, "too_long"),
        ({"error_class": "schema"}, 422, "schema"),
        ({"error_class": "engine"}, 500, "engine"),
        ({"error_class": "poison"}, 500, "poison"),
        ({"error_class": "timeout"}, None, "request_timeout"),
        ({"state": "expired", "error_class": None}, None, "batch_expired"),
        ({"state": "cancelled", "error_class": None}, None, "batch_cancelled"),
    ],
)
def test_every_row_without_an_answer_has_an_error_and_a_response_if_openai_would_give_one(
    change: dict, status: int | None, code: str
) -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH)
    shards = answered(spec, store)
    failed = {"state": "failed", "response": None, "error": "so it was"}
    shards["shard-00000"][2] |= failed | change
    put_result(spec, store, "shard-00000", shards["shard-00000"])
    manifest = publish(spec, store, ManualClock(NOW))
    line, _ = lines(store, "errors.jsonl")
    assert (line["custom_id"], line["error"]["code"]) == ("c2", code)
    if status is None:
        assert line["response"] is None
        text = "This request was not executed because the batch was cancelled."
        assert line["error"]["message"] == {"batch_cancelled": text, "request_timeout": "so it was"}.get(
            code, "This request could not be executed before the completion window expired."
        )
    else:
        kind = "invalid_request_error" if status < 500 else "server_error"
        error = {"message": "so it was", "type": kind, "param": None, "code": code}
        assert line["response"]["status_code"] == status
        assert line["response"]["body"] == {"error": error}
        assert line["error"] == {"code": code, "message": "so it was"}
    assert "c2" not in {each["custom_id"] for each in lines(store, "output.jsonl")}
    assert [record.rows for record in manifest.outputs] == [8, 2]


NAME = "a\u2028b\u2029c\u0085d\U0001f600ä"
ODD = NAME + "e\x00f\x1cg\x0bh\x0c"


def test_no_reader_cuts_a_line_whatever_its_texts_hold() -> None:
    request = {"messages": [{"role": "user", "content": NAME}]}
    body = json.dumps({"custom_id": NAME, "url": "/v1/chat/completions", "method": "POST", "body": request})
    spec, store = staged_job(OutputFormat.OPENAI_BATCH, body.encode() + b"\n", InputFormat.OPENAI_BATCH)
    [row] = decode_shard(store.get(spec.layout.staged_shard("shard-00000"))).to_pylist()
    good = answer(row) | {"response": json.dumps(chat_body(ODD), ensure_ascii=False)}
    for outcome, name in ((good, "output.jsonl"), (good | {"state": "failed", "error": ODD}, "errors.jsonl")):
        store.objects.pop(spec.layout.manifest, None)
        put_result(spec, store, "shard-00000", [outcome])
        publish(spec, store, ManualClock(NOW))
        text = store.get(f"s3://b/out/{name}")
        assert text.endswith(b"}\n")
        assert text.count(b"\n") == len(text.decode().splitlines()) == 1
        [line] = lines(store, name)
        assert line["custom_id"] == NAME
        found = line["response"]["body"]
        said = found["choices"][0]["message"]["content"] if name == "output.jsonl" else found["error"]["message"]
        assert said == ODD


def test_the_files_are_there_before_the_proof_with_which_a_batch_is_completed() -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH)
    for shard_id, rows in answered(spec, store).items():
        put_result(spec, store, shard_id, rows)
    create, seen = store.create, []

    def created(uri: str, body: bytes) -> ObjectInfo:
        if uri == spec.layout.manifest:
            seen.append({name for name in ("output.jsonl", "errors.jsonl") if f"s3://b/out/{name}" in store.objects})
        return create(uri, body)

    store.create = created  # type: ignore[method-assign]
    manifest = publish(spec, store, ManualClock(NOW))
    assert seen == [{output.uri.rpartition("/")[2] for output in manifest.outputs}]


SEVERAL = {**chat_body("one"), "choices": [{"index": n, "message": {"content": f"{n}"}} for n in range(3)]}
CALLS = chat_body("", tool_calls=[{"id": "call_1", "function": {"name": "f", "arguments": '{"a": 1}'}}], content=None)
VECTORS = [{"object": "embedding", "index": 0, "embedding": each} for each in ("AACAPw==", [1.0, 1e-05])]


@pytest.mark.parametrize(
    "body",
    [SEVERAL, CALLS, *({"object": "list", "data": [each]} for each in VECTORS)],
    ids=["n", "tools", "b64", "float"],
)
def test_the_body_is_delivered_as_the_engine_made_it(body: dict) -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH)
    shards = answered(spec, store)
    text = json.dumps(body, separators=(", ", ":  "))
    shards["shard-00000"][0]["response"] = text
    put_result(spec, store, "shard-00000", shards["shard-00000"])
    publish(spec, store, ManualClock(NOW))
    first = store.get("s3://b/out/output.jsonl").decode().splitlines()[0]
    assert f'"body":{text}}}' in first
    assert json.loads(first)["response"]["body"] == body


def test_ids_are_unique_and_those_of_the_row_in_every_delivery() -> None:
    found = []
    for _ in range(2):
        spec, store = staged_job(OutputFormat.OPENAI_BATCH)
        answered(spec, store)
        publish(spec, store, ManualClock(NOW))
        found.append([*lines(store, "output.jsonl"), *lines(store, "errors.jsonl")])
    ids = [line["id"] for line in found[0]]
    assert all(name.startswith("batch_req_") for name in ids)
    assert len({*ids, *(line["response"]["request_id"] for line in found[0])}) == 2 * len(ids) == 20
    assert found[0] == found[1]
    assert [line["custom_id"] for line in found[0][:9]] == [f"c{number}" for number in range(9)]
    other = OpenaiLines(spec.model_copy(update={"job_id": "job-0000000000000002"}))
    row = {"row_id": "00000-000000001", "custom_id": "c0", "response": "{}", "state": "succeeded"}
    assert json.loads(other.output(row))["id"] not in ids


@pytest.mark.parametrize(("state", "names"), [("succeeded", ["output.jsonl"]), ("cancelled", ["errors.jsonl"])])
def test_a_file_without_rows_is_not_delivered(state: str, names: list[str]) -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH, b'{"prompt": "a"}\n{"prompt": "b"}\n')
    store.put("s3://b/out/output.jsonl", b"of an earlier attempt")
    rows = [answer(row) for row in decode_shard(store.get(spec.layout.staged_shard("shard-00000"))).to_pylist()]
    for row in rows:
        row["state"] = state
    put_result(spec, store, "shard-00000", rows)
    manifest = publish(spec, store, ManualClock(NOW))
    assert [record.uri for record in manifest.outputs] == [f"s3://b/out/{name}" for name in names]
    delivered = {uri.removeprefix("s3://b/out/") for uri in store.objects if uri.startswith("s3://b/out/")}
    assert delivered == {*names, "manifest.json"}
    assert (manifest.rows.succeeded, manifest.rows.cancelled) == ((2, 0) if state == "succeeded" else (0, 2))


@pytest.mark.parametrize("body", ["{", "", '{"a": NaN}', "[" * 100_000, None, '"text"', "[1]"])
def test_a_body_that_is_no_object_costs_only_its_row(body: str | None) -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH)
    shards = answered(spec, store)
    shards["shard-00000"][1]["response"] = body
    put_result(spec, store, "shard-00000", shards["shard-00000"])
    publish(spec, store, ManualClock(NOW))
    found = lines(store, "output.jsonl")
    assert [line["custom_id"] for line in found] == [f"c{number}" for number in range(9)]
    assert found[1]["response"]["body"] == {"text": body}


def test_rows_of_a_fallback_model_are_counted_under_its_name() -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH)
    request = spec.request.model_copy(update={"reactions": Reactions(fallback_model="tiny")})
    spec = spec.model_copy(update={"request": request, "fallback_model_uri": "hub/tiny"})
    for number, (shard_id, rows) in enumerate(answered(spec, store).items()):
        put_result(spec, store, shard_id, rows, model=("hub/small", "hub/small", "hub/tiny")[number])
    assert publish(spec, store, ManualClock(NOW)).models == {"small": 8, "tiny": 1}
