"""A lower limit on answers: it only ever shortens, and never makes a row fail that would not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmbatch.cluster.replica.answer_limit import shortened
from llmbatch.core.endpoints import Endpoint

TOOLS = {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


@pytest.mark.parametrize(("own", "limit", "gets"), [(100, 20, 20), (10, 20, 10), (20, 20, 20), (100, None, 100)])
@pytest.mark.parametrize(
    ("url", "key"),
    [
        (Endpoint.CHAT, "max_tokens"),
        (Endpoint.CHAT, "max_completion_tokens"),
        (Endpoint.COMPLETIONS, "max_tokens"),
        (Endpoint.RESPONSES, "max_output_tokens"),
    ],
)
def test_a_limit_only_shortens(make: Any, url: Endpoint, key: str, own: int, limit: int | None, gets: int) -> None:
    row = make.staged(1, url, {"input": "x", "temperature": 0, key: own})
    found = shortened(row, limit)
    assert json.loads(found.request) == {"input": "x", "temperature": 0, key: gets}
    assert found.answer_limit == gets


def test_the_key_that_wins_is_the_one_that_is_lowered(make: Any) -> None:
    row = make.staged(1, Endpoint.CHAT, {"max_tokens": 90, "max_completion_tokens": 70})
    assert json.loads(shortened(row, 20).request) == {"max_tokens": 90, "max_completion_tokens": 20}


def test_the_limit_of_a_row_is_of_all_its_answers(make: Any) -> None:
    row = make.staged(1, Endpoint.COMPLETIONS, {"prompt": "x", "max_tokens": 90, "n": 3})
    assert (row.answer_limit, shortened(row, 20).answer_limit) == (270, 60)


@pytest.mark.parametrize(
    "request_",
    [
        {"prompt": "x", "max_tokens": 90, "response_format": SCHEMA},
        {"prompt": "x", "max_tokens": 90, "response_format": {"type": "structural_tag"}},
        {"prompt": "x", "max_tokens": 90, "structured_outputs": {"regex": "a+"}},
        {"prompt": "x", "max_tokens": 90, **TOOLS},
        {"prompt": "x", "max_tokens": 90, "min_tokens": 30},
        {"prompt": "x", "max_tokens": "many"},
        {"prompt": "x"},
        ["no object"],
        "{broken",
        "[" * 100_000,
    ],
)
def test_some_rows_are_left_alone(make: Any, request_: Any) -> None:
    row = make.staged(1, Endpoint.COMPLETIONS, request_)
    assert shortened(row, 20) is row


def test_what_asks_for_nothing_is_no_form(make: Any) -> None:
    body = {
        "prompt": "x",
        "max_tokens": 90,
        "response_format": {"type": "text"},
        "tools": [],
        "tool_choice": "required",
    }
    assert json.loads(shortened(make.staged(1, Endpoint.COMPLETIONS, body), 20).request)["max_tokens"] == 20


def test_an_endpoint_that_writes_nothing_has_no_limit(make: Any) -> None:
    row = make.staged(1, Endpoint.EMBEDDINGS, {"input": "x", "max_tokens": 90})
    assert shortened(row, 20) is row
