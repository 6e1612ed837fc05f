"""A lower limit on answers: it only ever shortens, and never makes a row fail that would not."""

from __future__ import annotations

import json

import pytest

from llmbatch.cluster.engines.base import parse_row
from llmbatch.cluster.replica.answer_limit import shortened
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS


@pytest.mark.parametrize(
    ("own", "limit", "gets"),
    [(100, 20, 20), (10, 20, 10), (20, 20, 20), (None, 20, 20), (None, DEFAULT_MAX_TOKENS + 1, None), (100, None, 100)],
)
def test_a_limit_only_shortens(make, own, limit, gets) -> None:
    row = make.chat(1, "x", temperature=0, **({"max_tokens": own} if own else {}))
    request = parse_row(shortened(row, limit))
    assert (request.sampling.max_tokens, request.sampling.temperature) == (gets, 0)
    assert request.messages == parse_row(row).messages


@pytest.mark.parametrize(
    "request_",
    [
        {"prompt": "x", "sampling": {"max_tokens": 90}, "output_schema": {"type": "object"}},
        {"prompt": "x", "sampling": {"max_tokens": 90, "min_tokens": 30}},
        {"prompt": "x", "sampling": {"max_tokens": "many"}},
        {"prompt": "x", "sampling": [1]},
        ["no object"],
        "{broken",
        "[" * 100_000,
    ],
)
def test_some_rows_are_left_alone(make, request_) -> None:
    row = make.staged(1, "completion", request_)
    assert shortened(row, 20) is row


def test_only_the_limit_changes(make) -> None:
    row = make.staged(1, "completion", {"prompt": "x", "sampling": {"max_tokens": 90, "seed": 1}, "extra": 1})
    found = shortened(row, 20)
    assert json.loads(found.request) == {"prompt": "x", "sampling": {"max_tokens": 20, "seed": 1}, "extra": 1}
    assert (found.row_id, found.input_chars, found.max_tokens) == (row.row_id, row.input_chars, 20)
