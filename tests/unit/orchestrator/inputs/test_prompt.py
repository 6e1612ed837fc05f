"""Requests of rows: prompt columns, templates, OpenAI bodies and the length limit."""

from __future__ import annotations

from fakes.input_rows import chat_line, request_of, rows_of, user
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
