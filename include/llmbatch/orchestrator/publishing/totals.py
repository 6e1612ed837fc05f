"""Counts over all committed rows of a job."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from llmbatch.core.manifest import RowRecord, TokenRecord
from llmbatch.core.states import RowState
from llmbatch.orchestrator.jobs.result_shards import MODEL_COLUMN

_REASONED = r'"reasoning_tokens":\s*[1-9]'
"""In a response that reports tokens of reasoning. Inside of a JSON text its quotes would be escaped."""


class Totals:
    """Sums rows by state and model, and tokens. Counts the rows themselves and uses no stored counter."""

    def __init__(self) -> None:
        self._states: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._models: Counter[str] = Counter()

    def add(self, table: pa.Table) -> None:
        """Count the rows of one shard."""
        self._states.update(RowState(state).value for state in table["state"].to_pylist())
        good = table.filter(pc.equal(table["state"], RowState.SUCCEEDED.value))
        self._models.update(good[MODEL_COLUMN].to_pylist())
        for name in ("prompt_tokens", "completion_tokens", "cached_tokens"):
            self._tokens[name] += pc.sum(table[name]).as_py() or 0
        reasoned = table["response"].filter(pc.match_substring_regex(table["response"], _REASONED))
        self._tokens["reasoning_tokens"] += sum(map(_reasoning_tokens, reasoned.to_pylist()))

    def rows(self) -> RowRecord:
        """Return the rows by outcome."""
        states = {state.value: self._states[state.value] for state in RowState}
        return RowRecord(input=self._states.total(), **states)

    def models(self) -> dict[str, int]:
        """Return how many rows succeeded by the model that answered."""
        return dict(sorted(self._models.items()))

    def tokens(self) -> TokenRecord:
        """Return the tokens."""
        return TokenRecord(
            prompt=self._tokens["prompt_tokens"],
            completion=self._tokens["completion_tokens"],
            cached=self._tokens["cached_tokens"],
            reasoning=self._tokens["reasoning_tokens"],
        )


def _reasoning_tokens(response: str) -> int:
    """Return the tokens of an answer's reasoning, by the names of either of OpenAI's APIs."""
    usage = json.loads(response)["usage"]
    details = usage.get("completion_tokens_details") or usage["output_tokens_details"]
    return int(details["reasoning_tokens"])
