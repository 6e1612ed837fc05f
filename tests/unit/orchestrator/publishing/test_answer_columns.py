"""Columns of answers: which a table has, and their types in Parquet."""

from __future__ import annotations

import base64
import json
import struct

import pyarrow as pa
import pytest

from fakes.answered_jobs import staged_job
from llmbatch.core.endpoints import Task
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.publishing.answer_columns import ANSWER_TYPES, answer_array, answer_columns

GENERATED = ("text", "reasoning", "tool_calls", "finish_reason", "logprobs", "choices")


@pytest.mark.parametrize(
    ("task", "columns"),
    [
        (Task.GENERATE, GENERATED),
        (Task.EMBED, ("embedding",)),
        (Task.CLASSIFY, ("label", "scores")),
        (Task.SCORE, ("scores",)),
    ],
)
def test_a_table_has_the_columns_of_its_task(task: Task, columns: tuple[str, ...]) -> None:
    spec, _ = staged_job()
    spec = spec.model_copy(update={"request": spec.request.model_copy(update={"task": task})})
    assert answer_columns(spec) == columns
    lines = spec.model_copy(update={"input_format": InputFormat.OPENAI_BATCH})
    assert answer_columns(lines) == (*GENERATED, "embedding", "label", "scores") == tuple(ANSWER_TYPES)


def column(name: str, *values: object) -> pa.Array:
    return answer_array([{} if value is None else {name: value} for value in values], name)


def test_embeddings_are_lists_of_32_bit_floats_whether_they_are_numbers_or_base64() -> None:
    encoded = base64.b64encode(struct.pack("<3f", 0.1, -2.0, 3.5)).decode()
    found = column("embedding", [1, 0.5], None, encoded, [[0.5]], "not base64!", "AAAA", ["x"], [1e300], [])
    assert found.type == pa.list_(pa.float32())
    near = [[1.0, 0.5], None, pytest.approx([0.1, -2.0, 3.5]), None, None, None, None, [float("inf")], []]
    assert found.to_pylist() == near
    assert column("embedding").to_pylist() == []


def test_scores_keep_their_places() -> None:
    found = column("scores", [0.5, None], None)
    assert (found.type, found.to_pylist()) == (pa.list_(pa.float32()), [[0.5, None], None])


def test_what_is_not_text_is_json_text() -> None:
    calls = [{"name": "f", "arguments": "ä"}]
    assert column("tool_calls", calls, None).to_pylist() == ['[{"name":"f","arguments":"ä"}]', None]
    assert column("text", "ä", None).to_pylist() == ["ä", None]


def test_values_that_parquet_cannot_hold_cost_no_other_row() -> None:
    assert column("text", "a", "half \ud800").to_pylist() == ["a", "half ?"]
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    assert column("logprobs", [float("inf")], deep, {"a": 1}).to_pylist() == [None, None, '{"a":1}']
    assert json.loads(column("choices", [{"text": "\ud800"}]).to_pylist()[0]) == [{"text": "?"}]
