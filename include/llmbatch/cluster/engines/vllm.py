"""The real engine: vLLM's asynchronous engine, with prompts rendered as its own OpenAI server renders them."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from typing import TYPE_CHECKING, Any, Literal

from llmbatch.cluster.engines.answer_check import require_answer
from llmbatch.cluster.engines.base import Answer, EngineDiedError, InFlight, RowRequest, parse_row
from llmbatch.cluster.engines.compiler import require_compiler
from llmbatch.cluster.engines.cpu_binding import engine_environment
from llmbatch.cluster.engines.cpu_dtype import dtype_of
from llmbatch.cluster.engines.live_tokens import LiveTokens
from llmbatch.cluster.schemas.checker import SchemaChecker
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, Sampling
from llmbatch.core.states import ErrorClass

if TYPE_CHECKING:
    from vllm import SamplingParams
    from vllm.v1.engine.async_llm import AsyncLLM

SCHEMA_BACKEND: Literal["guidance"] = "guidance"
"""What decodes to JSON schemas; ``cluster.schemas`` compiles with the same library."""

_INLINE_CHARS = 16_000
"""Prompts up to this size are tokenised on the event loop (under a millisecond); longer ones on vLLM's own threads."""


class VllmEngine:
    """One vLLM engine. Row errors stay with their row; an engine that died raises ``EngineDiedError`` for all."""

    def __init__(self, settings: EngineSettings, model_path: str, revision: str | None = None) -> None:
        self._settings = settings
        self._model_path, self._revision = model_path, revision
        self._engine: AsyncLLM | None = None
        self._tokens, self._schemas = LiveTokens(), SchemaChecker()

    async def start(self) -> None:
        """Load the model. Sets this process's environment first, for vLLM and for its child processes."""
        require_compiler(self._settings)
        os.environ.update(engine_environment(self._settings))
        from vllm import SamplingParams
        from vllm.exceptions import VLLMClientError
        from vllm.renderers.params import ChatParams
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
        from vllm.v1.engine.async_llm import AsyncLLM
        from vllm.v1.engine.exceptions import EngineDeadError

        self._client_errors = (VLLMClientError, ValueError, TypeError)
        self._dead_error = EngineDeadError
        self._make_sampling = SamplingParams
        self._make_structured = StructuredOutputsParams
        self._final_only = RequestOutputKind.FINAL_ONLY
        self._chat_params = ChatParams(
            chat_template_kwargs={"add_generation_prompt": True, "continue_final_message": False, "tools": None}
        )
        self._engine = engine = AsyncLLM.from_engine_args(
            _engine_args(self._settings, self._model_path, self._revision)
        )
        self._max_model_len = int(engine.model_config.max_model_len)
        # The server's own order: the row's value, then generation_config.json's, then OpenAI's.
        self._defaults = dict(engine.model_config.get_diff_sampling_param())
        self._chat_tokens = dataclasses.replace(engine.renderer.default_chat_tok_params, max_total_tokens=None)
        self._text_tokens = dataclasses.replace(engine.renderer.default_cmpl_tok_params, max_total_tokens=None)
        warm = SamplingParams(max_tokens=1, temperature=0.0, output_kind=self._final_only)
        async for _ in engine.generate({"prompt_token_ids": [1, 2, 3]}, warm, "warm-up"):
            pass  # the first request compiles; it is part of the start, not of the first row's latency

    async def generate(self, row: StagedRow) -> Answer:
        """Answer one row."""
        request = parse_row(row)
        # In a child first: vLLM compiles it here and again in its core, where a hostile one costs all other rows.
        schema = None if request.output_schema is None else await self._schemas.decodable(request.output_schema)
        try:
            async with asyncio.timeout(self._settings.row_timeout_seconds):
                answer = await self._answer(row, request, schema)
        except TimeoutError:
            limit = self._settings.row_timeout_seconds
            raise RowError(ErrorClass.TIMEOUT, f"no answer within {limit:g} s") from None
        except self._dead_error as error:
            raise EngineDiedError(str(error)) from error
        except self._client_errors as error:
            kind = ErrorClass.INVALID if schema is None else ErrorClass.SCHEMA
            raise RowError(kind, str(error)) from error
        require_answer(answer, as_json=schema is not None)
        return answer

    def in_flight(self) -> InFlight | None:
        """Return the token counts of the open requests; None before the start, and if this vLLM does not have them."""
        return None if self._engine is None else self._tokens.read(self._engine.output_processor.request_states)

    async def close(self) -> None:
        """Stop the engine's processes."""
        await self._schemas.close()
        if self._engine is not None:
            self._engine.shutdown(timeout=5)
            self._engine = None

    async def _answer(self, row: StagedRow, request: RowRequest, schema: str | None) -> Answer:
        engine = self._engine
        if engine is None:
            raise EngineDiedError("the engine is closed")
        prompt = await self._render(engine, request, inline=row.input_chars <= _INLINE_CHARS)
        length = len(prompt["prompt_token_ids"])
        if length >= self._max_model_len:
            raise RowError(
                ErrorClass.TOO_LONG, f"the prompt has {length} tokens; the model takes {self._max_model_len - 1}"
            )
        params = self._sampling_params(request.sampling, schema, self._max_model_len - length)
        final = None
        async for output in engine.generate(prompt, params, row.row_id):
            final = output
        if final is None or not final.outputs:
            raise RowError(ErrorClass.ENGINE, "the engine ended the row without an answer")
        first = final.outputs[0]
        self._tokens.ended += len(first.token_ids)
        return Answer(first.text, first.finish_reason, length, len(first.token_ids), int(final.num_cached_tokens or 0))

    async def _render(self, engine: AsyncLLM, request: RowRequest, *, inline: bool) -> Any:
        """Turn messages or text into token ids with the model's own template and tokenizer."""
        renderer = engine.renderer
        if request.messages is not None:
            talks: list[Any] = [request.messages]
            params, tokens = self._chat_params, self._chat_tokens
            if inline:
                _, prompts = renderer.render_chat(talks, params, tokens)
            else:
                _, prompts = await renderer.render_chat_async(talks, params, tokens)
        else:
            texts: list[Any] = [{"prompt": request.prompt}]
            if inline:
                prompts = renderer.render_cmpl(texts, self._text_tokens)
            else:
                prompts = await renderer.render_cmpl_async(texts, self._text_tokens)
        return prompts[0]

    def _sampling_params(self, sampling: Sampling, schema: str | None, room: int) -> SamplingParams:
        given = {**self._defaults, **sampling.model_dump(exclude_none=True)}
        given["max_tokens"] = min(room, given.get("max_tokens") or DEFAULT_MAX_TOKENS)
        given["min_tokens"] = min(given.get("min_tokens", 0), given["max_tokens"])
        if given.get("top_k") == -1:
            given["top_k"] = 0
        if schema is not None:
            given["structured_outputs"] = self._make_structured(json=schema)
        return self._make_sampling(**given, output_kind=self._final_only, skip_clone=True)


def _engine_args(settings: EngineSettings, model_path: str, revision: str | None) -> Any:
    """Build vLLM's arguments. The two batch limits are always set: their defaults depend on who starts the engine."""
    from vllm.config import StructuredOutputsConfig
    from vllm.engine.arg_utils import AsyncEngineArgs

    arguments: dict[str, Any] = {
        "model": model_path,
        "revision": revision,
        "max_num_seqs": settings.max_num_seqs,
        "max_num_batched_tokens": settings.max_num_batched_tokens,
        "dtype": dtype_of(settings),
        "enforce_eager": settings.enforce_eager,
        "disable_log_stats": True,
        "enable_log_requests": False,
        # Not "auto", which the first schema of an engine fixes for all that follow: see ADR 12.
        "structured_outputs_config": StructuredOutputsConfig(backend=SCHEMA_BACKEND),
    }
    if settings.chunked_prefill is not None:
        arguments["enable_chunked_prefill"] = settings.chunked_prefill
    if settings.max_model_len is not None:
        arguments["max_model_len"] = settings.max_model_len
    if settings.accelerator is Accelerator.GPU:
        arguments["gpu_memory_utilization"] = settings.gpu_memory_utilization
        arguments["tensor_parallel_size"] = settings.gpus_per_replica
        if settings.gpus_per_replica > 1:
            # Ray has given this actor its GPUs already; vLLM's own Ray executor would request them a second time.
            arguments["distributed_executor_backend"] = "mp"
    return AsyncEngineArgs(**arguments)
