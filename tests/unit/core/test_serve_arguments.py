"""Arguments of ``vllm serve`` in config.yaml."""

from __future__ import annotations

import pytest

from llmbatch.core.serve_arguments import checked_serve_argument


@pytest.mark.parametrize(
    "name", ["tool_call_parser", "reasoning_parser", "limit_mm_per_prompt", "chat_template", "runner"]
)
def test_arguments_of_the_model_may_be_set(name: str) -> None:
    assert checked_serve_argument(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tool_call_parsr", r"vLLM \S+ has no such argument, did you mean `tool_call_parser`\?"),
        ("tool-call-parser", "did you mean `tool_call_parser`"),
        ("colour", "has no such argument$"),
        ("model", r"may not set it here: set `models\.<name>\.uri`"),
        ("max_num_seqs", "set it in section `engine`"),
        ("lora_modules", r"set `models\.<name>\.adapters`"),
        ("port", "opens no port"),
        ("ssl_keyfile", "opens no port"),
        ("api_key", "opens no port"),
        ("middleware", "opens no port"),
        ("trust_request_chat_template", "no row may bring code"),
        ("enable_log_outputs", "no log holds a prompt"),
    ],
)
def test_others_are_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        checked_serve_argument(name)
