"""Answers end where the context does, and prompts leave room for one token."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.engines.vllm.limits import limited_requests
from llmbatch.core.endpoints import Endpoint

CONTEXT: Any = SimpleNamespace(max_model_len=100)
pytestmark = pytest.mark.filterwarnings("ignore:max_tokens is deprecated")  # vLLM reads its own field

BODIES: dict[Endpoint, dict[str, Any]] = {
    Endpoint.CHAT: {"messages": [{"role": "user", "content": "x"}], "max_tokens": 5000},
    Endpoint.COMPLETIONS: {"prompt": "x", "max_tokens": 5000},
    Endpoint.RESPONSES: {"input": "x", "max_output_tokens": 5000},
}


@pytest.mark.parametrize("endpoint", BODIES)
def test_a_limit_above_the_context_is_no_error(endpoint: Endpoint) -> None:
    request = limited_requests()[endpoint].model_validate(BODIES[endpoint])
    params = request.build_tok_params(CONTEXT)
    assert (params.max_total_tokens, params.max_output_tokens, params.max_truncation_tokens) == (99, 0, 99)
    assert 5000 in request.model_dump().values(), "the request itself keeps its limit, which vLLM lowers later"


def test_vllm_s_own_models_refuse_it() -> None:
    """Once they do not, the part can go."""
    from vllm.entrypoints.openai.completion.protocol import CompletionRequest
    from vllm.exceptions import VLLMValidationError

    with pytest.raises(VLLMValidationError, match="cannot be greater"):
        CompletionRequest.model_validate(BODIES[Endpoint.COMPLETIONS]).build_tok_params(CONTEXT)


def test_other_limits_of_the_prompt_stay() -> None:
    body = {**BODIES[Endpoint.CHAT], "truncate_prompt_tokens": 7, "truncation_side": "left"}
    params = limited_requests()[Endpoint.CHAT].model_validate(body).build_tok_params(CONTEXT)
    assert (params.truncate_prompt_tokens, params.truncation_side) == (7, "left")
