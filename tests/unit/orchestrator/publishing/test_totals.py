"""Totals of a job: counted from its rows."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from llmbatch.core.manifest import RowRecord, TokenRecord
from llmbatch.orchestrator.publishing.totals import Totals


def shard(*rows: tuple[str, str, int], response: str | None = None) -> pa.Table:
    """Rows by state, model and number of prompt tokens, all with one response."""
    names = ("state", "model", "prompt_tokens", "completion_tokens", "cached_tokens", "response")
    return pa.Table.from_pylist(
        [dict(zip(names, (state, model, n, 2 * n, 3 * n, response), strict=True)) for state, model, n in rows],
        schema=pa.schema([(name, pa.int64() if name.endswith("tokens") else pa.string()) for name in names]),
    )


def test_rows_tokens_and_models_are_summed_over_shards() -> None:
    totals = Totals()
    totals.add(shard(("succeeded", "small", 1), ("failed", "small", 10), ("succeeded", "big", 100)))
    totals.add(shard(("expired", "big", 0), ("cancelled", "big", 0), ("succeeded", "small", 1000)))
    assert totals.rows() == RowRecord(input=6, succeeded=3, failed=1, expired=1, cancelled=1)
    assert totals.tokens() == TokenRecord(prompt=1111, completion=2222, cached=3333)
    assert list(totals.models().items()) == [("big", 1), ("small", 2)]


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"completion_tokens_details": {"reasoning_tokens": 7}}, 14),
        ({"output_tokens_details": {"reasoning_tokens": 10}}, 20),
        ({"output_tokens_details": {"reasoning_tokens": 0}}, 0),
        ({"completion_tokens_details": None}, 0),
    ],
)
def test_tokens_of_reasoning_are_those_of_the_answers(usage: dict[str, object], tokens: int) -> None:
    text = 'Your JSON is {"reasoning_tokens": 9}.'
    for separators in ((",", ":"), (", ", ": ")):
        body = json.dumps({"choices": [{"text": text}], "usage": usage}, separators=separators)
        totals = Totals()
        totals.add(shard(("succeeded", "small", 1), ("succeeded", "small", 1), response=body))
        totals.add(shard(("failed", "small", 1)))
        assert totals.tokens().reasoning == tokens


def test_without_rows_all_totals_are_zero() -> None:
    totals = Totals()
    totals.add(shard())
    assert (totals.rows(), totals.models()) == (RowRecord(input=0, succeeded=0, failed=0), {})
    assert totals.tokens() == TokenRecord(prompt=0, completion=0, cached=0)
