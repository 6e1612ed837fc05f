"""Keys that llmbatch handles itself."""

from __future__ import annotations

import pytest

from llmbatch.core.endpoints import Endpoint
from llmbatch.orchestrator.inputs.body_keys import CONTENT_KEYS, asks_for_nothing, refusal_of
from llmbatch.orchestrator.inputs.request_schemas import known_keys


@pytest.mark.parametrize(
    ("key", "value", "nothing"),
    [
        ("tools", [], True),
        ("logit_bias", {}, True),
        ("logprobs", False, True),
        ("logprobs", 0, False),
        ("echo", False, True),
        ("echo", True, False),
        ("best_of", 1, True),
        ("n", 1, True),
        ("n", 2, False),
        ("n", True, False),
        ("suffix", "", True),
        ("background", False, True),
        ("temperature", 0, False),
        ("ignore_eos", False, False),
        ("user", None, True),
    ],
)
def test_values_that_ask_for_nothing(key: str, value: object, nothing: bool) -> None:
    assert asks_for_nothing(key, value) is nothing


REFUSED = [
    "chat_template", "kv_transfer_params", "ec_transfer_params", "vllm_xargs", "prompt_embeds", "background",
    "previous_response_id", "mm_processor_kwargs", "media_io_kwargs", "functions", "file", "web_search_options",
]  # fmt: skip


@pytest.mark.parametrize("key", REFUSED)
def test_keys_that_act_or_cost_others_are_refused(key: str) -> None:
    found = refusal_of(Endpoint.CHAT, key)
    assert found is not None
    assert found.field == key


def test_a_prompt_is_refused_only_where_it_names_a_stored_one() -> None:
    assert refusal_of(Endpoint.RESPONSES, "prompt") is not None
    assert refusal_of(Endpoint.TRANSCRIPTIONS, "prompt") is None


def test_contents_are_keys_of_their_endpoint() -> None:
    assert {endpoint: keys - known_keys(endpoint) for endpoint, keys in CONTENT_KEYS.items()} == {
        endpoint: frozenset() for endpoint in Endpoint
    }
