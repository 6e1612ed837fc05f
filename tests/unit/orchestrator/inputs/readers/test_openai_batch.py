"""OpenAI batch lines: a bad line fails alone, with its place and the reason."""

from __future__ import annotations

import pytest

from fakes.input_rows import chat_line, rows_of, user
from llmbatch.core.request_options import InputFormat

BAD_OPENAI = [
    (b'{"custom_id": "x", ', "not JSON"),
    (b"[1, 2]", "not an object"),
    (b'"text"', "not an object"),
    (b'{"custom_id": "x", "url": "/v1/chat/completions", "body": NaN}', "`body` is not an object"),
    (chat_line("x", user("hi", temperature=float("nan"))), "`temperature`"),
    (chat_line("x", url=[]), "`url` '[]' is not supported"),
    (b'{"a":' + b"[" * 100_000, "nested too deeply"),
    (b"\xff\xfe broken", "not UTF-8 (byte 0xff at position 1)"),
    (b'{"custom_id": "\x00"}', "NUL byte"),
    (chat_line(None), "`custom_id` is missing"),
    (chat_line(7), "`custom_id` is not a text"),
    (chat_line("y" * 600), "more than 512"),
    (chat_line("x", url=None), "`url` is missing"),
    (chat_line("x", url="/v1/audio/speech"), "'/v1/audio/speech' is not supported"),
    (chat_line("x", method="GET"), "`method` is not POST"),
    (b'{"custom_id": "x", "url": "/v1/chat/completions"}', "`body` is missing"),
    (chat_line("x", "text"), "`body` is not an object"),
    (chat_line("x", {"max_tokens": 3}), "`body.messages` is missing"),
    (chat_line("x", {"messages": "hi"}), "`messages` is a text, not a list"),
    (chat_line("x", {"messages": None}), "`messages` is null, not a list"),
    (chat_line("x", {"messages": []}), "`messages` is empty"),
    (chat_line("x", {"messages": ["hi"]}), "`messages[0]` is a text, not an object"),
    (chat_line("x", {"messages": [{"content": "hi"}]}), "`messages[0].role` is missing"),
    (chat_line("x", {"messages": [{"role": "owner", "content": "hi"}]}), "`messages[0].role` is unknown"),
    (chat_line("x", user(None)), "`messages[0].content` is null"),
    (chat_line("x", user("")), "`messages[0].content` is blank"),
    (chat_line("x", user(" \n\t")), "`messages[0].content` is blank"),
    (chat_line("x", user(5)), "`messages[0].content` is a number"),
    (
        chat_line("x", user([{"type": "image_url", "image_url": {}}])),
        "`messages[0].content[0].image_url` has no address",
    ),
    (chat_line("x", {"messages": [{"role": "system", "content": ""}]}), "no message has any text"),
    (chat_line("x", user("nul \0 inside")), "NUL character"),
    (chat_line("x", user("half \ud800 pair")), "half of a surrogate pair"),
    (chat_line("x", user("hi", temperature=3)), "`temperature` is 3, and 2 is the most"),
    (chat_line("x", user("hi", max_tokens=0)), "`max_tokens`"),
    (chat_line("x", user("hi", min_tokens=300)), "`min_tokens` is 300, more than max_completion_tokens 256"),
    (chat_line("x", user("hi", n=129)), "`n` is 129, and 128 is the most"),
    (
        chat_line("x", user("hi", temprature=1)),
        "`temprature` is not a parameter of /v1/chat/completions. Did you mean `temperature`?",
    ),
    (
        chat_line("x", user("hi", response_format={"type": "xml"})),
        "`response_format.type` is a text that is not one of text, json_object, json_schema",
    ),
    (
        chat_line("x", user("hi", guided_json=[1])),
        "`structured_outputs.json` is a list, and it takes a text or an object",
    ),
    (chat_line("x", {"prompt": None}, url="/v1/completions"), "`body.prompt` is null"),
    (chat_line("x", {"prompt": ["a", 5]}, url="/v1/completions"), "`body.prompt` is a number, not a text"),
    (chat_line("x", {"prompt": " "}, url="/v1/completions"), "`body.prompt` is blank"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_OPENAI)
def test_bad_openai_line(bad: bytes, reason: str) -> None:
    rows = rows_of(chat_line("a") + b"\n\n" + bad + b"\r\n" + chat_line("b") + b"\n", InputFormat.OPENAI_BATCH)
    assert [(row.line, row.custom_id) for row in (rows[0], rows[2])] == [(1, "a"), (4, "b")]
    assert rows[0].error is None
    assert rows[2].error is None
    assert rows[1].line == 3
    assert rows[1].row_id == "00000-000000003"
    assert rows[1].error_class == "invalid"
    assert rows[1].error.startswith("line 3 of a.txt: ")
    assert reason in rows[1].error
    assert len(rows[1].request) <= 2000
    assert rows[1].input_chars == 0
