"""The token counts of vLLM's open requests, without the engine."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.engines.base import InFlight
from llmbatch.cluster.engines.live_tokens import LiveTokens


def request(prompt: int, tokens: int | None, **changes: Any) -> SimpleNamespace:
    """What vLLM keeps of an open request; ``tokens`` is None while its prompt is read."""
    usual = {
        "prompt_len": prompt,
        "is_prefilling": tokens is None,
        "detokenizer": SimpleNamespace(num_output_tokens=lambda: tokens or 0),
    }
    return SimpleNamespace(**(usual | changes))


def table(*requests: SimpleNamespace) -> dict[str, Any]:
    return {str(number): each for number, each in enumerate(requests)}


def test_the_counts_are_sums_over_the_open_requests() -> None:
    assert LiveTokens().read({}) == InFlight()
    open_ones = table(request(10, None), request(20, 3), request(30, 4), request(5, 1, detokenizer=None))
    assert LiveTokens().read(open_ones) == InFlight(ended=0, generated=7, prompt_read=55, prompt_open=65)
    assert LiveTokens(ended=9).read({}) == InFlight(ended=9)


@pytest.mark.parametrize(
    "renamed",
    [
        SimpleNamespace(prompt_len=1, is_prefilling=False, tokens=3),
        request(1, 1, detokenizer=SimpleNamespace(num_tokens=3)),
        request(1, 1, detokenizer=SimpleNamespace(num_output_tokens=3)),
        request(1, 1, prompt_len=None),
    ],
)
def test_another_vllm_costs_the_counts_and_one_line_in_the_log(renamed: SimpleNamespace, caplog) -> None:
    tokens = LiveTokens()
    assert [tokens.read(table(request(10, 2), renamed)) for _ in range(3)] == [None] * 3
    assert [record.getMessage().split(" error=")[0] for record in caplog.records] == ["event=live_tokens_unknown"]
