"""Lines of OpenAI's output and error files."""

from __future__ import annotations

import json

from fakes.answered_jobs import NOW, answered, staged_job
from fakes.delivered import lines
from fakes.results import answer, put_result
from llmbatch.core.clock import ManualClock
from llmbatch.core.request_options import InputFormat, OutputFormat, Reactions
from llmbatch.orchestrator.jobs.staged_shards import decode_shard
from llmbatch.orchestrator.publishing.publish import publish


def test_openai_output() -> None:
    body = b"".join(
        json.dumps({"custom_id": name, "url": f"/v1/{url}", "method": "POST", "body": body}).encode() + b"\n"
        for name, url, body in [
            ("a", "chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
            ("b", "completions", {"prompt": "once"}),
            ("c", "embeddings", {}),
            ("d", "completions", {"prompt": "late"}),
        ]
    )
    spec, store = staged_job(OutputFormat.OPENAI_BATCH, body, InputFormat.OPENAI_BATCH)
    rows = [answer(row) for row in decode_shard(store.get(spec.layout.staged_shard("shard-00000"))).to_pylist()]
    rows[3] |= {"state": "expired", "text": None, "finish_reason": None}
    put_result(spec, store, "shard-00000", rows)
    manifest = publish(spec, store, ManualClock(NOW))
    assert (manifest.rows.failed, manifest.rows.expired) == (1, 1)
    chat, completion = lines(store, "output.jsonl")
    assert list(chat) == ["id", "custom_id", "response", "error"]
    assert chat["id"].startswith("batch_req_")
    assert (chat["custom_id"], chat["error"], chat["response"]["status_code"]) == ("a", None, 200)
    answered_body = chat["response"]["body"]
    assert answered_body["id"].startswith("chatcmpl-")
    assert answered_body | {"id": ""} == {
        "id": "",
        "object": "chat.completion",
        "created": int(NOW.timestamp()),
        "model": "small",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "answer 1 ä", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 5,
            "total_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 1},
        },
    }
    assert completion["response"]["body"]["object"] == "text_completion"
    assert completion["response"]["body"]["choices"][0]["text"] == "answer 2 ä"
    failed, expired = lines(store, "errors.jsonl")
    assert (failed["custom_id"], failed["response"]["status_code"], failed["error"]["code"]) == ("c", 400, "invalid")
    assert "/v1/embeddings" in failed["error"]["message"]
    assert (expired["custom_id"], expired["response"], expired["error"]["code"]) == ("d", None, "batch_expired")


def test_rows_of_a_fallback_model_have_its_name() -> None:
    spec, store = staged_job(OutputFormat.OPENAI_BATCH)
    request = spec.request.model_copy(update={"reactions": Reactions(fallback_model="tiny")})
    spec = spec.model_copy(update={"request": request, "fallback_model_uri": "hub/tiny"})
    for number, (shard_id, rows) in enumerate(answered(spec, store).items()):
        put_result(spec, store, shard_id, rows, model=("hub/small", "hub/small", "hub/tiny")[number])
    assert publish(spec, store, ManualClock(NOW)).models == {"small": 8, "tiny": 1}
    named = [line["response"]["body"]["model"] for line in lines(store, "output.jsonl")]
    assert named == ["small"] * 8 + ["tiny"]
