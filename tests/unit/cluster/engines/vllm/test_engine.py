"""Rows through the engine, with vLLM's own layer replaced: what is refused, what has died, what takes too long."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.engines.base import Body, EngineDiedError
from llmbatch.cluster.engines.vllm.endpoints import Served
from llmbatch.cluster.engines.vllm.engine import VllmEngine
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import RowError
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass


class Inliner:
    """Takes the place of the reader of media."""

    async def inlined(self, body: Body) -> Body:
        return {**body, "inlined": True}


def engine_with(answer: Any, *, seconds: float = 60, media: Any = None, served: Any = Endpoint.CHAT) -> VllmEngine:
    """An engine that has started, with one endpoint."""
    from vllm.v1.engine.exceptions import EngineDeadError

    settings = EngineSettings(row_timeout_seconds=seconds)
    engine = VllmEngine(settings, Serving(name="m"), "/m", media=media)
    hidden: Any = engine
    hidden._engine, hidden._dead_error, hidden._max_model_len = SimpleNamespace(), EngineDeadError, 100
    hidden._served = {served: Served(lambda body: body, answer)}
    return engine


def outcome(engine: VllmEngine, row: Any) -> RowError:
    with pytest.raises(RowError) as caught:
        asyncio.run(engine.generate(row, "id"))
    return caught.value


async def answered(request: Any) -> Any:
    return SimpleNamespace(model_dump_json=lambda by_alias: str(sorted(request.items())))


def test_before_the_start_there_are_no_counts_and_no_answers(make: Any) -> None:
    engine = VllmEngine(EngineSettings(), Serving(), "model")
    assert engine.in_flight() is None
    with pytest.raises(EngineDiedError, match="closed"):
        asyncio.run(engine.generate(make.chat(1, "x"), "id"))


def test_an_endpoint_that_the_model_does_not_serve_is_refused_by_name(make: Any) -> None:
    error = outcome(engine_with(answered), make.staged(1, Endpoint.EMBEDDINGS, {"input": "x"}))
    assert error.error_class is ErrorClass.INVALID
    assert error.message == "model m does not serve /v1/embeddings; it serves /v1/chat/completions"


def test_vllm_gets_the_prepared_body_with_its_media(make: Any) -> None:
    engine = engine_with(answered, media=Inliner())
    body = asyncio.run(engine.generate(make.chat(1, "x"), "id")).body
    assert "('inlined', True)" in body
    assert "('request_id', 'id')" in body


def test_a_dead_engine_is_no_error_of_the_row(make: Any) -> None:
    from vllm.v1.engine.exceptions import EngineDeadError

    async def dead(_: Any) -> Any:
        raise EngineDeadError

    with pytest.raises(EngineDiedError):
        asyncio.run(engine_with(dead).generate(make.chat(1, "x"), "id"))


def test_a_prompt_may_fill_the_context_only_where_nothing_is_written(make: Any) -> None:
    from vllm.exceptions import VLLMValidationError

    async def long(_: Any) -> Any:
        raise VLLMValidationError("...", parameter="input_tokens", value=300)

    for url, limit in ((Endpoint.CHAT, 99), (Endpoint.SCORE, 100)):
        error = outcome(engine_with(long, served=url), make.staged(1, url, {}))
        assert (error.error_class, error.message) == (
            ErrorClass.TOO_LONG,
            f"the prompt has 300 tokens; the model takes {limit} tokens",
        )


async def swallowing(_: Any) -> Any:
    """As vLLM's layer: a cancellation becomes a response."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        return SimpleNamespace(error=SimpleNamespace(code=400, message="Client disconnected", param=None))


def test_a_row_that_takes_too_long_is_a_timeout_though_vllm_answers(make: Any) -> None:
    error = outcome(engine_with(swallowing, seconds=0.01), make.chat(1, "x"))
    assert (error.error_class, error.message) == (ErrorClass.TIMEOUT, "no answer within 0.01 s")


def test_a_row_that_is_cancelled_is_cancelled_though_vllm_answers(make: Any) -> None:
    async def run() -> None:
        task = asyncio.create_task(engine_with(swallowing).generate(make.chat(1, "x"), "id"))
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())


def test_a_bug_is_not_dressed_up(make: Any) -> None:
    async def broken(_: Any) -> Any:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        asyncio.run(engine_with(broken).generate(make.chat(1, "x"), "id"))
