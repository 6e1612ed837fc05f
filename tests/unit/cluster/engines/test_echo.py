"""The fake engine: deterministic answers and token counts."""

from __future__ import annotations

import asyncio

import pytest

from llmbatch.cluster.engines.base import InFlight
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.core.engine_settings import EchoOptions
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass


def test_echo_is_deterministic_counts_words_and_stops_at_max_tokens(make) -> None:
    engine = EchoEngine(EchoOptions(), max_model_len=5)
    answer = asyncio.run(engine.generate(make.chat(1, "a b c d", max_tokens=2)))
    assert (answer.text, answer.finish_reason) == ("echo: a b", "length")
    assert (answer.prompt_tokens, answer.completion_tokens) == (4, 2)
    with pytest.raises(RowError) as caught:
        asyncio.run(engine.generate(make.chat(1, "a b c d e")))
    assert caught.value.error_class is ErrorClass.TOO_LONG


def test_echo_counts_prompts_at_once_and_answers_when_they_are_there(make) -> None:
    async def run() -> list[InFlight]:
        engine = EchoEngine(EchoOptions(seconds_per_row=0.01))
        rows = [asyncio.create_task(engine.generate(make.chat(n, "a b c", max_tokens=2))) for n in range(4)]
        found = [engine.in_flight()]
        await asyncio.sleep(0)
        found.append(engine.in_flight())
        rows[0].cancel()
        await asyncio.gather(*rows, return_exceptions=True)
        return [*found, engine.in_flight()]

    assert asyncio.run(run()) == [InFlight(), InFlight(prompt_read=12, prompt_open=12), InFlight(ended=6)]
