"""Requests of rows: prompt columns, templates, OpenAI bodies and the length limit."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from fakes.input_rows import builder_of, chat_line, request_of, rows_of, table_bytes, user
from llmbatch.core.errors import RowError
from llmbatch.core.request_options import InputFormat


def test_long_prompts() -> None:
    lines = [b'{"prompt": "%s"}' % (b"a" * size) for size in (100, 101, 2**20 + 2000)] + [b'{"prompt": "b"}']
    rows = rows_of(b"\n".join(lines), InputFormat.JSONL, staging={"max_prompt_chars": 100})
    assert [row.error_class for row in rows] == [None, "too_long", "too_long", None]
    assert "101 characters, more than staging.max_prompt_chars 100" in rows[1].error


def test_requests_of_openai_bodies() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object", "b": 1, "a": 2}}}
    lines = [
        chat_line("a", user([{"type": "text", "text": "é"}, {"type": "text", "text": "z"}], response_format=form)),
        chat_line("b", {"prompt": "once", "max_tokens": 5, "temperature": None}, url="/v1/completions"),
        chat_line("c", {"messages": [{"role": "developer", "content": "own"}, *user("q")["messages"]], "seed": 1}),
    ]
    rows = rows_of(b"\n".join(lines), InputFormat.OPENAI_BATCH, sampling={"seed": 9, "max_tokens": 7})
    assert rows[0].request == (
        '{"max_completion_tokens":7,"messages":[{"content":[{"text":"é","type":"text"},{"text":"z","type":"text"}],'
        '"role":"user"}],"response_format":{"json_schema":{"name":"s","schema":{"a":2,"b":1,"type":"object"}},'
        '"type":"json_schema"},"seed":9}'
    )
    assert rows[0].input_chars == 2
    assert (rows[1].url, rows[1].request) == ("/v1/completions", '{"max_tokens":5,"prompt":"once","seed":9}')
    assert request_of(rows[2])["messages"][0] == {"role": "system", "content": "own"}
    with_system = rows_of(b"\n".join(lines), InputFormat.OPENAI_BATCH, system_prompt="be brief")
    assert [row.url for row in with_system] == [row.url for row in rows]
    assert request_of(with_system[0])["messages"][0] == {"content": "be brief", "role": "system"}
    assert request_of(with_system[1])["prompt"] == "once"
    assert request_of(with_system[2])["messages"][0]["content"] == "own"


def test_template_columns_and_job_schema() -> None:
    body = b'{"name": "Ann", "age": 7, "tags": ["b", "a"], "prompt": "unused"}\n{"name": null, "age": 7, "tags": 1}\n{}'
    rows = rows_of(
        body, InputFormat.JSONL, prompt_template="{{Hi}} {name} {age} {tags}", output_schema={"type": "object"}
    )
    assert request_of(rows[0])["messages"][0]["content"] == '{Hi} Ann 7 ["b","a"]'
    assert request_of(rows[0])["structured_outputs"] == {"json": {"type": "object"}}
    assert "column `name` of the prompt template is null" in rows[1].error
    assert "the row has no `name` and `age` and `tags`" in rows[2].error


def test_named_columns_win() -> None:
    body = b'{"q": "mine", "prompt": "other", "m": "[{\\"role\\": \\"user\\", \\"content\\": \\"c\\"}]"}'
    assert request_of(rows_of(body, InputFormat.JSONL, prompt_column="q")[0])["messages"][0]["content"] == "mine"
    assert request_of(rows_of(body, InputFormat.JSONL, messages_column="m")[0])["messages"][0]["content"] == "c"


def test_a_nul_character_fails_its_row_and_its_escape_as_text_does_not() -> None:
    lines = [rb'{"prompt": "a\u0000b"}', rb'{"prompt": "a\\u0000b"}', rb'{"prompt": "a\\\u0000b"}']
    rows = rows_of(b"\n".join(lines), InputFormat.JSONL)
    assert [row.error_class for row in rows] == ["invalid", None, "invalid"]
    assert "NUL character" in rows[0].error


TASKS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("embed", {"text": "four"}, "/v1/embeddings", {"input": "four"}),
    ("embed", {"messages": [{"role": "user", "content": "a"}]}, "/v1/embeddings",
     {"messages": [{"role": "user", "content": "a"}]}),
    ("embed", {"text": "four", "request": {"dimensions": 8}}, "/v1/embeddings", {"input": "four", "dimensions": 8}),
    ("classify", {"prompt": "four", "sampling": None}, "/classify", {"input": "four"}),
    ("score", {"text_1": "a", "text_2": "b"}, "/v1/score", {"text_1": "a", "text_2": "b"}),
    ("score", {"query": "a", "document": "b", "text": "c"}, "/v1/score", {"queries": "a", "documents": "b"}),
    ("score", {"queries": "a", "documents": ["b", "c"]}, "/v1/score", {"queries": "a", "documents": ["b", "c"]}),
]  # fmt: skip


@pytest.mark.parametrize(("task", "row", "url", "body"), TASKS)
def test_rows_of_a_table_are_requests_of_its_task(
    task: str, row: dict[str, Any], url: str, body: dict[str, Any]
) -> None:
    (found,) = rows_of(json.dumps(row).encode(), InputFormat.JSONL, task=task, sampling={"max_tokens": 9})
    assert (found.url, request_of(found), found.answer_limit) == (url, body, 0)
    (of_table,) = rows_of(table_bytes(pa.Table.from_pylist([row])), InputFormat.PARQUET, task=task)
    assert (of_table.url, request_of(of_table)) == (url, body)


def test_a_template_is_filled_in_for_embeddings_and_a_row_without_its_pair_fails() -> None:
    (row,) = rows_of(b'{"a": "x"}', InputFormat.JSONL, task="embed", prompt_template="search: {a}")
    assert request_of(row)["input"] == "search: x"
    (row,) = rows_of(b'{"text_1": "x"}', InputFormat.JSONL, task="score")
    assert row.url == "/v1/score"
    assert "the row has no `text_1` and `text_2` or `query` and `document`" in row.error


@pytest.mark.parametrize("as_text", [False, True])
def test_a_column_request_sets_any_parameter_and_precedes_the_column_sampling(as_text: bool) -> None:
    own = {"n": 2, "temperature": 0.5, "max_tokens": 5, "stop": None}
    row = {"prompt": "a", "sampling": {"seed": 3, "n": 9}, "request": json.dumps(own) if as_text else own}
    (found,) = rows_of(json.dumps(row).encode(), InputFormat.JSONL)
    assert request_of(found) == {
        "messages": [{"role": "user", "content": "a"}], "n": 2, "seed": 3, "temperature": 0.5, "max_tokens": 5,
    }  # fmt: skip
    assert found.answer_limit == 10


def test_a_column_request_that_holds_the_prompt_is_one() -> None:
    (row,) = rows_of(b'{"request": "Hello"}', InputFormat.JSONL, prompt_column="request")
    assert request_of(row)["messages"][0]["content"] == "Hello"
    (row,) = rows_of(b'{"request": "Hello", "prompt": "a"}', InputFormat.JSONL)
    assert "`request` is a text that is not JSON" in row.error


def test_answers_of_several_prompts_are_counted_together_and_bounded() -> None:
    lines = [
        chat_line("a", {"prompt": ["a", "b", "c"], "max_tokens": 5, "n": 2}, url="/v1/completions"),
        chat_line("b", {"prompt": ["a"] * 1024, "max_tokens": 131072, "n": 128}, url="/v1/completions"),
        chat_line("c", {"input": ["a", "b"]}, url="/v1/embeddings"),
    ]
    rows = rows_of(b"\n".join(lines), InputFormat.OPENAI_BATCH)
    assert [row.answer_limit for row in rows] == [30, 0, 0]
    assert rows[1].error == (
        "line 2 of a.txt: the answers of the row may have 17179869184 tokens, more than 16777216. Split it"
    )


def test_tools_are_part_of_the_prompt() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "x" * 100}}
    (row,) = rows_of(chat_line("a", user("hi", tools=[tool])), InputFormat.OPENAI_BATCH)
    assert 100 < row.input_chars < 200
    (row,) = rows_of(
        chat_line("a", user("hi", tools=[tool])), InputFormat.OPENAI_BATCH, staging={"max_prompt_chars": 100}
    )
    assert row.error_class == "too_long"


@pytest.mark.parametrize("form", [{"embed_dtype": "float16"}, {"endianness": "big"}])
def test_vectors_of_another_form_than_a_parquet_column_are_refused(form: dict[str, str]) -> None:
    row = {"text": "four", "request": {"encoding_format": "base64", **form}}
    with pytest.raises(RowError, match=next(iter(form))):
        builder_of(task="embed", output_format="parquet").of_record(row)
    assert builder_of(task="embed", output_format="jsonl").of_record(row).answer_limit == 0
    plain = {"text": "four", "request": {**form}}
    assert builder_of(task="embed", output_format="parquet").of_record(plain).answer_limit == 0
