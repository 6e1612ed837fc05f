"""The arguments of ``vllm serve`` for one replica: vLLM's defaults, the job's settings, the model's options."""

from __future__ import annotations

import json
from argparse import Action, ArgumentError, ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from llmbatch.cluster.engines.cpu_binding import computes_in_core
from llmbatch.cluster.engines.cpu_dtype import dtype_of
from llmbatch.cluster.models.adapters import rank_limit
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.errors import ConfigError
from llmbatch.core.serving import Serving

SCHEMA_BACKEND: Literal["guidance"] = "guidance"
"""What decodes to constraints; ``cluster.schemas`` compiles with the same library."""

_IN_CORE = "vllm.v1.executor.uniproc_executor.UniProcExecutor"
"""vLLM reads the short name ``uni`` as ``mp`` on a CPU."""

_NO_DOMAIN = "invalid"
"""Media are in the request when it reaches vLLM, which may fetch none itself. No host has this name (RFC 2606)."""


def arguments(
    settings: EngineSettings, serving: Serving, model_path: str, revision: str | None, adapters: Mapping[str, Path]
) -> Namespace:
    """Return what vLLM's own parser would return for this replica.

    The two batch limits are always set: their defaults depend on who starts the engine.

    Args:
        settings: engine settings of the job.
        serving: the model's name and options.
        model_path: folder of the model, or its hub id.
        revision: commit of a hub id; None for a folder.
        adapters: folder of each LoRA adapter by its name.

    Raises:
        ConfigError: an option is not vLLM's, or vLLM does not take its value.
    """
    from vllm.config import StructuredOutputsConfig
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.entrypoints.launchers.cli_args import BaseFrontendArgs
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    make_parser: Any = FlexibleArgumentParser
    parser: ArgumentParser = AsyncEngineArgs.add_cli_args(
        BaseFrontendArgs.add_cli_args(make_parser(exit_on_error=False))
    )
    found = parser.parse_args([])
    found.structured_outputs_config = StructuredOutputsConfig()
    for name, value in settings_of(settings, model_path, revision).items():
        setattr(found, name, value)
    if adapters:
        _serve_adapters(found, adapters)
    for name, value in serving.options.items():
        found = _with_option(parser, found, f"models.{serving.name}.serve.{name}", name, value)
    found.served_model_name = [serving.name or model_path]
    found.enable_prompt_tokens_details = True
    found.allowed_media_domains, found.allowed_local_media_path = [_NO_DOMAIN], ""
    # Not "auto", which the first constraint of an engine fixes for all that follow: see ADR 12.
    found.structured_outputs_config.backend = SCHEMA_BACKEND
    return found


def settings_of(settings: EngineSettings, model_path: str, revision: str | None) -> dict[str, Any]:
    """Return the job's settings under vLLM's names; what is not set is left to it."""
    found: dict[str, Any] = {
        "model": model_path,
        "revision": revision,
        "max_num_seqs": settings.max_num_seqs,
        "max_num_batched_tokens": settings.max_num_batched_tokens,
        "dtype": dtype_of(settings),
        "enforce_eager": settings.enforce_eager,
        "disable_log_stats": True,
        "enable_log_requests": False,
    }
    if settings.chunked_prefill is not None:
        found["enable_chunked_prefill"] = settings.chunked_prefill
    if settings.max_model_len is not None:
        found["max_model_len"] = settings.max_model_len
    if computes_in_core(settings):
        found["distributed_executor_backend"] = _IN_CORE
    if settings.accelerator is Accelerator.GPU:
        found["gpu_memory_utilization"] = settings.gpu_memory_utilization
        found["tensor_parallel_size"] = settings.gpus_per_replica
        if settings.gpus_per_replica > 1:
            # Ray has given this actor its GPUs already; vLLM's own Ray executor would request them a second time.
            found["distributed_executor_backend"] = "mp"
    return found


def written(action: Action, value: JsonValue) -> list[str]:
    """Return an option as on the command line, where vLLM's parser gives it its type; nothing for null."""
    flag = next(name for name in action.option_strings if name.startswith("--"))
    if value is None:
        return []
    if isinstance(value, bool) and action.nargs == 0:
        if isinstance(action, BooleanOptionalAction):
            return [flag if value else flag.replace("--", "--no-", 1)]
        return [flag] if value else []
    if isinstance(value, list) and action.nargs in ("+", "*"):
        return [flag, *(each if isinstance(each, str) else json.dumps(each) for each in value)]
    return [f"{flag}={value if isinstance(value, str) else json.dumps(value)}"]


def _with_option(parser: ArgumentParser, found: Namespace, path: str, name: str, value: JsonValue) -> Namespace:
    action = next((each for each in parser._actions if each.dest == name), None)
    if action is None:
        raise ConfigError(f"{path}: vllm serve has no argument of this name")
    try:
        return parser.parse_args(written(action, value), found)
    except ArgumentError as error:
        raise ConfigError(f"{path}: {error.message}") from None
    except SystemExit:
        raise ConfigError(f"{path}: vllm serve does not take the value {value!r}") from None


def _serve_adapters(found: Namespace, adapters: Mapping[str, Path]) -> None:
    from vllm.entrypoints.openai.models.protocol import LoRAModulePath

    found.enable_lora = True
    found.lora_modules = [LoRAModulePath(name, str(folder)) for name, folder in adapters.items()]
    found.max_lora_rank = rank_limit(adapters.values())
