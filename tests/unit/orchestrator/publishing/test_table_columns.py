"""The delivered columns of a table: their order, names and values."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from fakes.answered_jobs import staged_job
from fakes.results import SCHEMA, chat_body
from llmbatch.core.endpoints import Task
from llmbatch.orchestrator.publishing.table_columns import TableColumns, delivered_names

KEPT = pa.schema([("input.text", pa.string()), ("input.when", pa.date32()), ("input.line", pa.int64())])
ANSWER = ["text", "reasoning", "tool_calls", "finish_reason", "logprobs", "choices"]
USAGE = ["prompt_tokens", "completion_tokens", "error_class", "error"]


def columns_of(kept: pa.Schema = KEPT, *, is_failed: bool = False, **request: object) -> TableColumns:
    spec, _ = staged_job()
    spec = spec.model_copy(update={"request": spec.request.model_copy(update=request)})
    return TableColumns.of(spec, kept, is_failed=is_failed)


def rows(**own: object) -> pa.Table:
    row = dict.fromkeys(SCHEMA.names) | {"row_id": "00000-000000001", "line": 1, "url": "/v1/chat/completions"}
    row |= {"response": json.dumps(chat_body("hi", tool_calls=[{"id": "c"}])), "state": "succeeded"}
    table = pa.Table.from_pylist([row], schema=SCHEMA)
    for field in KEPT:
        table = table.append_column(field, pa.array([own.get(field.name)], field.type))
    return table


def test_the_input_s_own_columns_follow_the_ids_and_never_have_a_name_of_ours() -> None:
    expected = ["custom_id", "row_id", "line", "input.text", "when", "input.line", "state", *ANSWER, *USAGE]
    assert columns_of().schema.names == expected
    assert columns_of(is_failed=True).schema.names == [*expected, "request"]
    assert columns_of(response_column=True).schema.names == [*expected, "response"]
    embedded = columns_of(task=Task.EMBED).schema
    assert embedded.names == ["custom_id", "row_id", "line", "text", "when", "input.line", "state", "embedding", *USAGE]
    assert embedded.field("text").type == pa.string()


@pytest.mark.parametrize(
    ("own", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["text", "input.text"], ["input.input.text", "input.text"]),
        (["request"], ["input.request"]),
    ],
)
def test_every_name_is_there_once(own: list[str], names: list[str]) -> None:
    assert delivered_names(own, {"text", "request"}) == names


def test_parquet_and_json_lines_have_the_same_values_in_their_own_types() -> None:
    table = rows(**{"input.text": "own", "input.line": 7})
    arrow = columns_of(response_column=True).table(table)
    assert arrow.schema.field("when").type == pa.date32()
    (found,) = arrow.to_pylist()
    (line,) = map(json.loads, columns_of(response_column=True).json_lines(table))
    assert list(line) == arrow.schema.names
    assert (found["input.text"], found["input.line"], found["when"], found["line"]) == ("own", 7, None, 1)
    assert (found["text"], found["tool_calls"], line["tool_calls"]) == ("hi", '[{"id":"c"}]', [{"id": "c"}])
    assert found["response"] == table["response"][0].as_py()
    assert line["response"] == json.loads(found["response"])
    assert found | {"tool_calls": None, "response": None} == line | {"tool_calls": None, "response": None}
