"""OpenAI's batch API end to end on the real engine: answers, vectors, a row that fails, a cancel, a deadline."""

from __future__ import annotations

import base64
import json
import time
from array import array
from collections.abc import Iterator

import openai
import pytest
from openai.types import Batch, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion

from e2e.running import Running
from e2e.test_embeddings import closeness

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(3600)]

CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
MODELS = {CHAT: "smollm2", EMBEDDINGS: "minilm"}
QUESTION = "What is the capital of France? Answer in English with one sentence."
ROWS = 1200
"""More than the engine holds, so that a cancel finds rows that have not begun."""
MANY_ROWS = 6000
"""More than any machine of a test answers in the first of ``SPARE_SECONDS``."""
SPARE_SECONDS = (15, 60)
"""From the time that a small batch takes to the deadline of a large one; the second for a machine that got slower."""
TERMINAL = {"completed", "failed", "expired", "cancelled"}


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{running.settings.airflow_url}/llmbatch/v1",
        api_key=running.api.token,
    ) as opened:
        yield opened


def start(client: openai.OpenAI, bodies: list[dict[str, object]], endpoint: str = CHAT, sla_hours: float = 24) -> Batch:
    rows = [
        {
            "custom_id": f"row-{number}",
            "method": "POST",
            "url": endpoint,
            "body": {"model": MODELS[endpoint], **body},
        }
        for number, body in enumerate(bodies)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file = client.files.create(file=("rows.jsonl", text.encode()), purpose="batch")
    return client.batches.create(
        input_file_id=file.id,
        endpoint=endpoint,  # type: ignore[arg-type]
        completion_window="24h",
        extra_body={"sla_hours": sla_hours},
    )


def counting(rows: int) -> list[dict[str, object]]:
    texts = (f"Count to {number}." for number in range(rows))
    return [
        {"messages": [{"role": "user", "content": text}], "max_tokens": 8 + number % 24}
        for number, text in enumerate(texts)
    ]


def until(client: openai.OpenAI, batch: Batch, reached: set[str], done: int = 0) -> Batch:
    """Poll until the batch has one of the states and so many rows are done, or until it is over."""
    while True:
        batch = client.batches.retrieve(batch.id)
        counts = batch.request_counts
        if batch.status in TERMINAL or (batch.status in reached and counts is not None and counts.completed >= done):
            return batch
        time.sleep(0.5)


def lines(client: openai.OpenAI, file_id: str | None) -> list[dict[str, dict]]:
    assert file_id is not None
    return [json.loads(line) for line in client.files.content(file_id).iter_lines()]


def check_open_rows(client: openai.OpenAI, batch: Batch, code: str, rows: int) -> None:
    """Some rows were answered and delivered, all others ended with the code, and none is missing or doubled."""
    output, errors = lines(client, batch.output_file_id), lines(client, batch.error_file_id)
    assert batch.request_counts is not None
    assert 0 < batch.request_counts.completed == len(output) < batch.request_counts.total == rows
    assert {each["error"]["code"] for each in errors} == {code}
    assert sorted(each["custom_id"] for each in output + errors) == sorted(f"row-{n}" for n in range(rows))


def test_batches_are_answered_cancelled_and_expire_with_what_was_done(client: openai.OpenAI) -> None:
    chat = [{"role": "user", "content": QUESTION}]
    began = time.monotonic()
    small = start(client, [
        {"messages": chat, "max_tokens": 12, "temperature": 0},
        {"messages": chat, "max_tokens": 4, "n": 2, "temperature": 1, "logprobs": True},
        {"messages": chat, "max_tokens": 4, "temperature": "hot"},
    ])  # fmt: skip
    large = start(client, counting(ROWS))
    small = until(client, small, TERMINAL)
    needed = time.monotonic() - began
    large = until(client, large, {"in_progress"}, done=20)
    assert large.status == "in_progress", large
    assert client.batches.cancel(large.id).cancelling_at is not None
    vectors = start(client, [
        {"input": ["king", "car"]},
        {"input": "king", "encoding_format": "base64"},
        {"input": "king", "dimensions": "many"},
    ], EMBEDDINGS)  # fmt: skip

    assert small.status == "completed", small
    assert small.model == MODELS[CHAT]
    assert small.request_counts is not None
    assert (small.request_counts.total, small.request_counts.completed, small.request_counts.failed) == (3, 2, 1)
    answers = [ChatCompletion.model_validate(each["response"]["body"]) for each in lines(client, small.output_file_id)]
    assert "Paris" in (answers[0].choices[0].message.content or "")
    assert len(answers[1].choices) == 2
    assert small.usage is not None
    assert small.usage.total_tokens == sum(answer.usage.total_tokens for answer in answers if answer.usage)
    (failed,) = lines(client, small.error_file_id)
    assert "temperature" in failed["error"]["message"]

    large = until(client, large, TERMINAL)
    assert large.status == "cancelled", large
    check_open_rows(client, large, "batch_cancelled", ROWS)

    vectors = until(client, vectors, TERMINAL)
    assert vectors.status == "completed", vectors
    check_vectors(client, vectors)
    late = expired(client, needed)
    assert (late.status, late.expired_at is None, late.completed_at) == ("expired", False, None), late
    check_open_rows(client, late, "batch_expired", MANY_ROWS)


def expired(client: openai.OpenAI, needed: float) -> Batch:
    """Run a batch past its deadline: some rows are answered before it if a small batch takes ``needed`` seconds."""
    at_once = [{"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 1}] * 10
    for spare in SPARE_SECONDS:
        batch = start(client, at_once + counting(MANY_ROWS - 10), sla_hours=(needed + spare) / 3600)
        batch = until(client, batch, TERMINAL)
        if batch.request_counts is not None and batch.request_counts.completed:
            break
    return batch


def check_vectors(client: openai.OpenAI, batch: Batch) -> None:
    """Vectors as numbers and as base64, in the order of their inputs."""
    two, one = (each["response"]["body"] for each in lines(client, batch.output_file_id))
    answer = CreateEmbeddingResponse.model_validate(two)
    assert [each.index for each in answer.data] == [0, 1]
    king, car = (each.embedding for each in answer.data)
    assert len(king) == len(car) == 384
    same = array("f", base64.b64decode(one["data"][0]["embedding"]))
    assert closeness(king, same.tolist()) > 0.99 > closeness(car, same.tolist())
    assert batch.usage is not None
    assert (batch.usage.output_tokens, batch.usage.total_tokens) == (
        0, answer.usage.total_tokens + one["usage"]["total_tokens"],
    )  # fmt: skip
    (failed,) = lines(client, batch.error_file_id)
    assert (failed["custom_id"], failed["response"]["status_code"]) == ("row-2", 400)
