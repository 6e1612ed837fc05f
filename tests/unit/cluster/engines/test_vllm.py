"""The token counts of the real engine, without the engine."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.engines.base import InFlight
from llmbatch.cluster.engines.vllm import VllmEngine
from llmbatch.core.engine_settings import EngineSettings


def request(prompt: int, tokens: int | None, **changes: Any) -> SimpleNamespace:
    """What vLLM keeps of an open request; ``tokens`` is None while its prompt is read."""
    usual = {
        "prompt_len": prompt,
        "is_prefilling": tokens is None,
        "detokenizer": SimpleNamespace(num_output_tokens=lambda: tokens or 0),
    }
    return SimpleNamespace(**(usual | changes))


def vllm_with(*requests: SimpleNamespace) -> VllmEngine:
    """An engine that has been started as far as its counts go."""
    engine = VllmEngine(EngineSettings(), "model")
    states = {str(n): each for n, each in enumerate(requests)}
    engine._engine = SimpleNamespace(output_processor=SimpleNamespace(request_states=states))  # type: ignore[assignment]
    return engine


def test_vllm_sums_what_it_keeps_of_open_requests() -> None:
    assert VllmEngine(EngineSettings(), "model").in_flight() is None  # not started
    assert vllm_with().in_flight() == InFlight()
    engine = vllm_with(request(10, None), request(20, 3), request(30, 4), request(5, 1, detokenizer=None))
    assert engine.in_flight() == InFlight(ended=0, generated=7, prompt_read=55, prompt_open=65)


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
    engine = vllm_with(request(10, 2), renamed)
    assert [engine.in_flight() for _ in range(3)] == [None] * 3
    assert [record.getMessage().split(" error=")[0] for record in caplog.records] == ["event=live_tokens_unknown"]
