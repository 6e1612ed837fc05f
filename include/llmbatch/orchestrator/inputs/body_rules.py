"""What the parameters of one body must not say together, as vLLM checks it when a row begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from llmbatch.core.endpoints import Endpoint
from llmbatch.orchestrator.inputs.problem import Problem

CONSTRAINTS = frozenset({"response_format", "structured_outputs", "text"})
"""Keys by which a body asks for a form of its answer."""

_VLLM_MAX_LOGPROBS = 20
"""What ``max_logprobs`` is where ``models.<name>.serve`` does not set it."""
_ONE_OF = frozenset({"json", "regex", "choice", "grammar", "json_object", "structural_tag"})


def contradiction(endpoint: Endpoint, body: Mapping[str, object], options: Mapping[str, JsonValue]) -> Problem | None:
    """Return the first contradiction of a body whose keys and types are right, None if it has none.

    Args:
        endpoint: what the body is for.
        body: its parameters, with the limit of the answer.
        options: ``models.<name>.serve`` of the job's model.
    """
    return next(_contradictions(endpoint, body, options), None)


def _contradictions(
    endpoint: Endpoint, body: Mapping[str, object], options: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    if body.get("priority") and options.get("scheduling_policy") != "priority":
        yield Problem("priority", "needs `scheduling_policy: priority` in models.<name>.serve", "Remove it")
    kwargs = body.get("chat_template_kwargs")
    if isinstance(kwargs, dict) and kwargs.get("chat_template") is not None:
        yield Problem(
            "chat_template_kwargs.chat_template", "is refused: templates come from config.yaml only", "Remove it"
        )
    if body.get("add_generation_prompt") and body.get("continue_final_message"):
        yield Problem("continue_final_message", "and `add_generation_prompt` exclude each other", "Keep one")
    if "n" in body and body.get("temperature") == 0 and not body.get("use_beam_search"):
        yield Problem("n", f"is {body['n']} at temperature 0, where all answers are the same", "Raise the temperature")
    yield from _logprobs(endpoint, body, options)
    yield from _tools(endpoint, body)
    yield from _forms(body)


def _logprobs(endpoint: Endpoint, body: Mapping[str, object], options: Mapping[str, JsonValue]) -> Iterator[Problem]:
    if endpoint is Endpoint.CHAT:
        for key in ("top_logprobs", "logprob_token_ids"):
            if body.get(key) and not body.get("logprobs"):
                yield Problem(key, "needs `logprobs: true`", "Add it")
    most = options.get("max_logprobs", _VLLM_MAX_LOGPROBS)
    for key in ("logprobs", "top_logprobs", "prompt_logprobs"):
        value = body.get(key)
        if isinstance(most, int) and most >= 0 and type(value) is int and not 0 <= value <= most:
            yield Problem(key, f"is {value}, and {most} is the most", "Lower it, or raise max_logprobs of the model")


def _tools(endpoint: Endpoint, body: Mapping[str, object]) -> Iterator[Problem]:
    choice = body.get("tool_choice")
    if choice is None:
        return
    tools = body.get("tools")
    if not isinstance(tools, list):
        yield Problem("tool_choice", "needs `tools`", "Add them, or remove it")
    elif endpoint is Endpoint.CHAT and isinstance(choice, dict):
        names = [tool["function"]["name"] for tool in tools]
        if choice["function"].get("name") not in names:
            yield Problem("tool_choice.function.name", "is not the name of one of `tools`", "Correct it")


def _forms(body: Mapping[str, object]) -> Iterator[Problem]:
    wanted = body.get("response_format")
    if isinstance(wanted, dict) and wanted.get("type") == "json_schema" and "json_schema" not in wanted:
        yield Problem("response_format.json_schema", "is missing", "Add it")
    structured = body.get("structured_outputs")
    if isinstance(structured, dict):
        given = sorted(_ONE_OF & structured.keys())
        if len(given) != 1:
            said = " and ".join(given) or "none of " + ", ".join(sorted(_ONE_OF))
            yield Problem("structured_outputs", f"has {said}, and it takes one", "Keep one")
