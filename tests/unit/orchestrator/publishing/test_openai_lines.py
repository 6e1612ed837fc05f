"""Lines of OpenAI's output and error files."""

from __future__ import annotations

import json

import pytest

from fakes.answered_jobs import NOW, answered, staged_job
from fakes.delivered import lines
from fakes.results import answer, chat_body, put_result
from llmbatch.core.clock import ManualClock
from llmbatch.core.request_options import InputFormat, OutputFormat, Reactions
from llmbatch.orchestrator.jobs.staged_shards import decode_shard
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
    assert (expired["custom_id"], expired["response"], expired["error"]["code"]) == ("d", None, "batch_expired")


@pytest.mark.parametrize("body", ["{", "", '{"a": NaN}', "[" * 100_000, None])
def test_a_body_that_is_not_json_costs_only_its_row(body: str | None) -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH)
    shards = answered(spec, store)
    shards["shard-00000"][1]["response"] = body
    put_result(spec, store, "shard-00000", shards["shard-00000"])
    publish(spec, store, ManualClock(NOW))
    found = lines(store, "output.jsonl")
    assert [line["custom_id"] for line in found] == [f"c{number}" for number in range(9)]
    assert found[1]["response"]["body"] == body


def test_rows_of_a_fallback_model_are_counted_under_its_name() -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH)
    request = spec.request.model_copy(update={"reactions": Reactions(fallback_model="tiny")})
    spec = spec.model_copy(update={"request": request, "fallback_model_uri": "hub/tiny"})
    for number, (shard_id, rows) in enumerate(answered(spec, store).items()):
        put_result(spec, store, shard_id, rows, model=("hub/small", "hub/small", "hub/tiny")[number])
    assert publish(spec, store, ManualClock(NOW)).models == {"small": 8, "tiny": 1}
