"""The arguments of a replica, by vLLM's own parser."""

from __future__ import annotations

import argparse
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from llmbatch.cluster.engines.vllm.arguments import arguments, settings_of, written
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.errors import ConfigError
from llmbatch.core.serving import Serving


def found(adapters: dict[str, Path] | None = None, settings: EngineSettings | None = None, **options: Any) -> Any:
    given = settings or EngineSettings(dtype="float32")
    return arguments(given, Serving(name="m", options=options), "/m", None, adapters or {})


def adapter(folder: Path, config: object) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def test_settings_reach_vllm_by_its_own_names() -> None:
    given = EngineSettings(dtype="float32", max_num_seqs=7, max_num_batched_tokens=99, enforce_eager=False)
    args = found(settings=given)
    assert (args.model, args.served_model_name, args.dtype) == ("/m", ["m"], "float32")
    assert (args.max_num_seqs, args.max_num_batched_tokens, args.enforce_eager) == (7, 99, False)
    assert (args.enable_log_requests, args.disable_log_stats, args.enable_prompt_tokens_details) == (False, True, True)
    assert args.structured_outputs_config.backend == "guidance"


def test_what_is_not_set_is_left_to_vllm() -> None:
    given = EngineSettings(dtype="float32")
    assert not settings_of(given, "m", None).keys() & {
        "enable_chunked_prefill",
        "max_model_len",
        "tensor_parallel_size",
    }
    assert (
        settings_of(given.model_copy(update={"chunked_prefill": False}), "m", None)["enable_chunked_prefill"] is False
    )
    in_core = "vllm.v1.executor.uniproc_executor.UniProcExecutor"
    assert settings_of(given, "m", None)["distributed_executor_backend"] == in_core
    bound = given.model_copy(update={"cpu_threads_bind": "0-3"})
    assert "distributed_executor_backend" not in settings_of(bound, "m", None)
    assert "distributed_executor_backend" not in settings_of(EngineSettings(accelerator=Accelerator.GPU), "m", None)
    several = EngineSettings(accelerator=Accelerator.GPU, gpus_per_replica=2)
    assert settings_of(several, "m", None)["distributed_executor_backend"] == "mp"


def test_options_of_the_model_have_the_types_that_vllm_gives_them() -> None:
    args = found(
        tool_call_parser="hermes",
        enable_auto_tool_choice=True,
        reasoning_parser="qwen3",
        limit_mm_per_prompt={"image": 2},
        default_chat_template_kwargs={"enable_thinking": False},
        max_logprobs=5,
        enable_prefix_caching=False,
        chat_template=None,
    )
    assert (args.tool_call_parser, args.enable_auto_tool_choice, args.reasoning_parser) == ("hermes", True, "qwen3")
    assert (args.limit_mm_per_prompt, args.max_logprobs) == ({"image": 2}, 5)
    assert (args.enable_prefix_caching, args.chat_template) == (False, None)
    assert args.default_chat_template_kwargs == {"enable_thinking": False}


def test_no_option_opens_another_way_to_media_or_constraints() -> None:
    args = found(allowed_media_domains=["example.com"], structured_outputs_config={"backend": "xgrammar"})
    assert (args.allowed_media_domains, args.structured_outputs_config.backend) == (["invalid"], "guidance")


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/x.png", "file:///etc/hostname"])
def test_vllms_own_reader_of_media_follows_no_address(address: str) -> None:
    from vllm.multimodal.media import MediaConnector

    args = found()
    allowed = {"allowed_media_domains", "allowed_local_media_path"}
    reader = MediaConnector(**{name: getattr(args, name) for name in allowed})
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        with pytest.raises((ValueError, RuntimeError), match="allowed"):
            reader.fetch_image(address.format(port=server.getsockname()[1]))
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("max_logprobs", "many", "models.m.serve.max_logprobs: invalid int value: 'many'"),
        ("runner", "fast", "models.m.serve.runner: invalid choice: 'fast'"),
        ("limit_mm_per_prompt", "{", "models.m.serve.limit_mm_per_prompt: "),
        ("enable_auto_tool_choice", "yes", "models.m.serve.enable_auto_tool_choice: ignored explicit argument 'yes'"),
        ("tool_cal_parser", "hermes", "models.m.serve.tool_cal_parser: vllm serve has no argument of this name"),
    ],
)
def test_a_wrong_option_is_named(option: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match="^" + __import__("re").escape(message)):
        found(**{option: value})


def test_adapters_are_served_with_the_least_rank_that_holds_them(tmp_path: Path) -> None:
    adapters = {"a": adapter(tmp_path / "a", {"r": 4}), "b": adapter(tmp_path / "b", {"r": 20})}
    args = found(adapters)
    assert [(each.name, each.path) for each in args.lora_modules] == [(n, str(f)) for n, f in adapters.items()]
    assert (args.enable_lora, args.max_lora_rank) == (True, 32)


def test_a_value_is_written_as_on_a_command_line() -> None:
    parser = argparse.ArgumentParser()
    several = parser.add_argument("--several", nargs="+")
    flag = parser.add_argument("--flag", action="store_true")
    either = parser.add_argument("--either", action=argparse.BooleanOptionalAction)
    one = parser.add_argument("--one")
    assert written(several, ["a", 1, {"b": 2}]) == ["--several", "a", "1", '{"b": 2}']
    assert (written(flag, True), written(flag, False)) == (["--flag"], [])
    assert (written(either, True), written(either, False)) == (["--either"], ["--no-either"])
    assert (written(one, -1), written(one, None), written(one, True)) == (["--one=-1"], [], ["--one=true"])
