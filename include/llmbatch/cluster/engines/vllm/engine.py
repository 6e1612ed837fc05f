"""One vLLM engine, which answers rows as vLLM's OpenAI server does, without HTTP."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmbatch.cluster.engines.base import Answer, Body, EngineDiedError, InFlight, Media, parse_row
from llmbatch.cluster.engines.compiler import require_compiler
from llmbatch.cluster.engines.cpu_binding import engine_environment
from llmbatch.cluster.engines.demand import demand_of
from llmbatch.cluster.engines.live_tokens import LiveTokens
from llmbatch.cluster.engines.vllm.arguments import arguments
from llmbatch.cluster.engines.vllm.endpoints import Served, served_endpoints
from llmbatch.cluster.engines.vllm.errors import row_error
from llmbatch.cluster.engines.vllm.guarded import guarded
from llmbatch.cluster.engines.vllm.requests import prepared
from llmbatch.cluster.engines.vllm.responses import answer_of
from llmbatch.cluster.engines.vllm.statistics import Statistics, logger_of
from llmbatch.cluster.schemas.checker import SchemaChecker
from llmbatch.core.endpoints import Endpoint, Task
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import RowError
from llmbatch.core.progress import EngineUse
from llmbatch.core.rows import StagedRow
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass

if TYPE_CHECKING:
    from vllm.v1.engine.async_llm import AsyncLLM


class VllmEngine:
    """Row errors stay with their row; an engine that died raises ``EngineDiedError`` for all.

    Args:
        settings: engine settings of the job.
        serving: what the model serves.
        model_path: folder of the model, or its hub id.
        revision: commit of a hub id; None for a folder.
        adapters: folder of each LoRA adapter by its name.
        media: reads images and audio that requests name; None: requests hold them.
    """

    def __init__(
        self,
        settings: EngineSettings,
        serving: Serving,
        model_path: str,
        revision: str | None = None,
        adapters: Mapping[str, Path] | None = None,
        media: Media | None = None,
    ) -> None:
        self._settings, self._serving, self._media = settings, serving, media
        self._model_path, self._revision, self._adapters = model_path, revision, adapters or {}
        self._name, self._names = serving.name or model_path, frozenset(self._adapters)
        self._engine: AsyncLLM | None = None
        self._served: dict[Endpoint, Served] = {}
        self._tokens, self._schemas = LiveTokens(), SchemaChecker()
        self._statistics = Statistics() if settings.statistics else None

    async def start(self) -> None:
        """Load the model. Sets this process's environment first, for vLLM and for its child processes."""
        require_compiler(self._settings)
        os.environ.update(engine_environment(self._settings))
        from starlette.datastructures import State
        from vllm import envs
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.entrypoints.launchers.api_server.app_state import init_app_state
        from vllm.v1.engine.exceptions import EngineDeadError

        self._dead_error = EngineDeadError
        args = arguments(self._settings, self._serving, self._model_path, self._revision, self._adapters)
        engine_args = AsyncEngineArgs.from_cli_args(args)
        self._engine = engine = guarded(self._schemas, self._tokens).from_engine_args(
            engine_args, stat_loggers=None if self._statistics is None else [logger_of(self._statistics)]
        )
        self._max_model_len = int(engine.model_config.max_model_len)
        state = State()
        await init_app_state(engine, state, args, await engine.get_supported_tasks())
        _without_strict_tools(args.tool_call_parser)
        self._served = served_endpoints(state)
        if Endpoint.COMPLETIONS in self._served:
            await _warm_up(engine)
            self._tokens.ended = 0
        if self._statistics is not None:
            self._statistics.prefix_queries = 0
            # Without it each token of each step looks into the environment, which costs more than all else here.
            envs.enable_envs_cache()

    async def generate(self, row: StagedRow, request_id: str) -> Answer:
        """Answer one row."""
        if self._engine is None:
            raise EngineDiedError("the engine is closed")
        endpoint, body = parse_row(row)
        if endpoint not in self._served:
            served = ", ".join(self._served)
            raise RowError(ErrorClass.INVALID, f"model {self._name} does not serve {endpoint}; it serves {served}")
        if self._media is not None:
            # Not within the row's time: an outage of the store is not the row's fault.
            body = await self._media.inlined(body)
        demand = demand_of(body)
        longest = self._max_model_len - (endpoint.task is Task.GENERATE)
        try:
            async with asyncio.timeout(self._settings.row_timeout_seconds):
                response = await self._response(endpoint, body, request_id)
                return answer_of(response, demand)
        except TimeoutError:
            limit = self._settings.row_timeout_seconds
            raise RowError(ErrorClass.TIMEOUT, f"no answer within {limit:g} s") from None
        except self._dead_error as error:
            raise EngineDiedError(str(error)) from error
        except RowError:
            raise
        except Exception as error:
            failed = row_error(error, longest)
            if failed is None:
                raise
            raise failed from error

    def in_flight(self) -> InFlight | None:
        """Return the token counts of the open requests; None before the start, and if this vLLM does not have them."""
        return None if self._engine is None else self._tokens.read(self._engine.output_processor.request_states)

    def statistics(self) -> EngineUse | None:
        """Return what vLLM has counted since the start; None without ``engine.statistics``."""
        return None if self._statistics is None else self._statistics.use

    async def close(self) -> None:
        """Stop the engine's processes."""
        await self._schemas.close()
        if self._engine is not None:
            self._engine.shutdown(timeout=5)
            self._engine, self._served = None, {}

    async def _response(self, endpoint: Endpoint, body: Body, request_id: str) -> Any:
        served = self._served[endpoint]
        request = served.request(prepared(endpoint, body, request_id, self._name, self._names))
        response = await served.response(request)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # vLLM's layer turns a cancellation into a response.
            raise asyncio.CancelledError
        return response


def _without_strict_tools(parser: str | None) -> None:
    """Keep vLLM from trying constraints beside tools with a library that a hostile one crashes.

    What it would build with that library has a form that the engine's backend cannot decode to.
    """
    if parser is not None:
        from vllm.tool_parsers import ToolParserManager

        ToolParserManager.get_tool_parser(parser).structural_tag_model = None


async def _warm_up(engine: AsyncLLM) -> None:
    """Compute one token: the first request compiles, which is a part of the start and not of the first row."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    params = SamplingParams(max_tokens=1, temperature=0.0, output_kind=RequestOutputKind.FINAL_ONLY)
    async for _ in engine.generate({"prompt_token_ids": [1, 2, 3]}, params, "warm-up"):
        pass
