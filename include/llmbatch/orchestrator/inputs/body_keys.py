"""Keys of a request body that llmbatch handles itself: those that change nothing, and those that are refused."""

from __future__ import annotations

from collections.abc import Mapping

from llmbatch.core.endpoints import Endpoint
from llmbatch.orchestrator.inputs.problem import Problem

CHANGE_NOTHING = frozenset(
    """
    metadata mm_payload prediction prompt_cache_key prompt_cache_retention request_id return_mm_kwargs
    return_token_offsets safety_identifier service_tier session_id store stream stream_continuous_usage_stats
    stream_include_usage stream_interval stream_options user verbosity
    """.split()
)
"""Dropped: an answer of a batch is whole, and vLLM ignores the others or uses them for its log and its cache only."""

_ASKS_FOR_NOTHING: Mapping[str, object] = {
    "background": False,
    "best_of": 1,
    "echo": False,
    "function_call": "none",
    "logprobs": False,
    "modalities": ["text"],
    "n": 1,
    "suffix": "",
}
"""Values that are as good as none, in keys that not every endpoint has."""

CONTENT_KEYS: Mapping[Endpoint, frozenset[str]] = {
    Endpoint.CHAT: frozenset({"messages"}),
    Endpoint.COMPLETIONS: frozenset({"prompt"}),
    Endpoint.RESPONSES: frozenset({"input"}),
    Endpoint.TRANSCRIPTIONS: frozenset({"file_url"}),
    Endpoint.EMBEDDINGS: frozenset({"input", "messages"}),
    Endpoint.POOLING: frozenset({"input", "messages"}),
    Endpoint.CLASSIFY: frozenset({"input", "messages"}),
    Endpoint.SCORE: frozenset("queries documents items data_1 data_2 text_1 text_2".split()),
    Endpoint.RERANK: frozenset({"query", "documents"}),
}
"""Keys that hold what is asked; the others are parameters."""

GUIDED = {"guided_json": "json", "guided_regex": "regex", "guided_choice": "choice", "guided_grammar": "grammar"}
"""vLLM's earlier names of what ``structured_outputs`` holds."""

_CONFIG = "Set it for all rows in `models.<name>.serve` of config.yaml"
_OPEN = "Remove it"
_REFUSED: Mapping[str, tuple[str, str]] = {
    "background": ("is true, and a row has one answer, which ends with it", "Remove it"),
    "chat_template": ("is refused: templates come from config.yaml only", _CONFIG),
    "ec_transfer_params": ("is refused: it moves the caches of other rows", _OPEN),
    "file": ("is refused: a row is text", "Write a data: or s3:// address into `file_url`"),
    "function_call": ("is an earlier name", "Write `tool_choice`"),
    "functions": ("is an earlier name", "Write `tools`"),
    "kv_transfer_params": ("is refused: it moves the caches of other rows", _OPEN),
    "media_io_kwargs": ("is refused: it decides how much memory a row takes", _CONFIG),
    "mm_processor_kwargs": ("is refused: it decides how much memory a row takes", _CONFIG),
    "previous_response_id": ("is refused: no answer is kept for a later row", "Write the messages into `input`"),
    "prompt_embeds": ("is refused: a row may not bring tensors", "Write the prompt as text or token ids"),
    "vllm_xargs": ("is refused: it addresses extensions of vLLM", _OPEN),
    "web_search_options": ("is refused: a row acts on nothing", _OPEN),
}
"""Refused in rows and in a job's ``request``: they act, or they cost other rows."""


def asks_for_nothing(key: str, value: object) -> bool:
    """Return whether a parameter says what would hold without it."""
    if value is None or value in ([], {}):
        return True
    return key in _ASKS_FOR_NOTHING and value == _ASKS_FOR_NOTHING[key] and type(value) is type(_ASKS_FOR_NOTHING[key])


def refusal_of(endpoint: Endpoint, key: str) -> Problem | None:
    """Return why a key is refused, None if it is not."""
    if endpoint is Endpoint.RESPONSES and key == "prompt":
        return Problem(key, "is refused: there are no stored prompts", "Write the prompt into `input`")
    found = _REFUSED.get(key)
    return None if found is None else Problem(key, *found)
