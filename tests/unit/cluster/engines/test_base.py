"""What every engine checks before it answers."""

from __future__ import annotations

import json

import pytest

from llmbatch.cluster.engines.base import parse_row
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

IMAGE = [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]


BAD_ROWS = {
    "not JSON": ("chat", "{", ErrorClass.INVALID, "not JSON"),
    "too deep": ("chat", "[" * 100_000, ErrorClass.INVALID, "not JSON"),
    "not an object": ("chat", "[]", ErrorClass.INVALID, "not a JSON object"),
    "no messages": ("chat", {"sampling": {}}, ErrorClass.INVALID, "messages is not a list"),
    "null messages": ("chat", {"messages": None}, ErrorClass.INVALID, "messages is not a list"),
    "empty messages": ("chat", {"messages": []}, ErrorClass.INVALID, "is empty"),
    "no role": ("chat", {"messages": [{"content": "x"}]}, ErrorClass.INVALID, "messages[0]"),
    "null content": ("chat", {"messages": [{"role": "user", "content": None}]}, ErrorClass.INVALID, "content"),
    "an image": ("chat", {"messages": [{"role": "user", "content": IMAGE}]}, ErrorClass.INVALID, "not text"),
    "no prompt": ("completion", {"messages": []}, ErrorClass.INVALID, "prompt"),
    "empty prompt": ("completion", {"prompt": ""}, ErrorClass.INVALID, "prompt"),
    "too hot": ("completion", {"prompt": "x", "sampling": {"temperature": 9}}, ErrorClass.INVALID, "temperature"),
    "unknown sampling": ("completion", {"prompt": "x", "sampling": {"frob": 1}}, ErrorClass.INVALID, "frob"),
    "schema is a text": ("completion", {"prompt": "x", "output_schema": "s"}, ErrorClass.SCHEMA, "output_schema"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_refused_by_name(make, name: str) -> None:
    kind, request, error_class, message = BAD_ROWS[name]
    with pytest.raises(RowError) as caught:
        parse_row(make.staged(1, kind, request))
    assert caught.value.error_class is error_class
    assert message in caught.value.message


def test_text_parts_are_text(make) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    request = parse_row(make.staged(1, "chat", {"messages": [{"role": "user", "content": parts}]}))
    assert request.messages == [{"role": "user", "content": parts}]


def test_requests_survive_the_trip_as_json(make) -> None:
    row = make.chat(1, "\u2028 “quotes” \U0001f600", temperature=0.5, seed=1)
    request = parse_row(row)
    assert request.messages is not None
    assert request.messages[0]["content"] == json.loads(row.request)["messages"][0]["content"]
    assert (request.sampling.temperature, request.sampling.seed, request.sampling.max_tokens) == (0.5, 1, None)
