"""OpenAI's batch API end to end on the real engine: answers, a row that fails, a cancelled batch."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import openai
import pytest
from openai.types import Batch
from openai.types.chat import ChatCompletion

from e2e.running import Running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

MODEL, ENDPOINT = "smollm2", "/v1/chat/completions"
QUESTION = "What is the capital of France? Answer in English with one sentence."
ROWS = 1200
"""More than the engine holds, so that a cancel finds rows that have not begun."""
TERMINAL = {"completed", "failed", "expired", "cancelled"}


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{running.settings.airflow_url}/llmbatch/v1",
        api_key=running.api.token,
    ) as opened:
        yield opened


def start(client: openai.OpenAI, bodies: list[dict[str, object]]) -> Batch:
    rows = [
        {
            "custom_id": f"row-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": MODEL, **body},
        }
        for number, body in enumerate(bodies)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file = client.files.create(file=("rows.jsonl", text.encode()), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h")


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


def test_a_batch_is_answered_and_a_cancelled_one_keeps_what_was_done(client: openai.OpenAI) -> None:
    chat = [{"role": "user", "content": QUESTION}]
    small = start(client, [
        {"messages": chat, "max_tokens": 12, "temperature": 0},
        {"messages": chat, "max_tokens": 4, "n": 2, "temperature": 1, "logprobs": True},
        {"messages": chat, "max_tokens": 4, "temperature": "hot"},
    ])  # fmt: skip
    many = [
        {"messages": [{"role": "user", "content": f"Count to {n}."}], "max_tokens": 8 + n % 24} for n in range(ROWS)
    ]
    large = until(client, start(client, many), {"in_progress"}, done=20)
    assert large.status == "in_progress", large
    assert client.batches.cancel(large.id).cancelling_at is not None

    small = until(client, small, TERMINAL)
    assert small.status == "completed", small
    assert small.model == MODEL
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
    output, errors = lines(client, large.output_file_id), lines(client, large.error_file_id)
    assert len(output) == large.request_counts.completed >= 20  # type: ignore[union-attr]
    assert {each["error"]["code"] for each in errors} == {"batch_cancelled"}
    ids = [each["custom_id"] for each in output + errors]
    assert sorted(ids) == sorted(f"row-{n}" for n in range(ROWS))
