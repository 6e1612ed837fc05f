"""Rows of every endpoint that a generating model serves, on the real engine: bodies are of OpenAI's types.

One engine answers all rows, one after the other; see ``row_probe``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from fakes.ray_servers import REPOSITORY
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.serving import Serving
from tiny_model import tiny_model

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SERVING = Serving(
    name="tiny",
    options={"enable_auto_tool_choice": True, "tool_call_parser": "hermes", "reasoning_parser": "qwen3"},
)
CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 5}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
NAMED = {"type": "function", "function": {"name": "weather"}}
NUMBER = {"type": "object", "properties": {"a": {"type": "integer", "maximum": 99, "minimum": 0}}, "required": ["a"]}
AS_NUMBER = {"type": "json_schema", "json_schema": {"name": "a", "schema": NUMBER}}
STRICT = [{"type": "function", "function": {"name": "weather", "strict": True, "parameters": CITY}}]
"""By default vLLM decodes to a form of these that our backend does not have, and tries what is beside them first."""
CRASHING = "(" * 50_000 + "a" + ")" * 50_000
"""A pattern that ends a process which compiles it with xgrammar."""
HOSTILE = {"type": "object", "properties": {"a": {"type": "string", "pattern": CRASHING}}, "required": ["a"]}
AS_HOSTILE = {"type": "json_schema", "json_schema": {"name": "a", "schema": HOSTILE}}
TAG = {"begin": "<f>", "schema": NUMBER, "end": "</f>"}
FREE = "free"
"""A row without reasoning: this model never ends its own."""


def talk(text: str = "hello", **more: Any) -> tuple[str, dict[str, Any]]:
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 12, **more}
    if body.pop(FREE, False):
        body["chat_template_kwargs"] = {"enable_thinking": False}
    return Endpoint.CHAT, body


def completion(**body: Any) -> tuple[str, dict[str, Any]]:
    return Endpoint.COMPLETIONS, {"temperature": 0, "max_tokens": 4, **body}


ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": talk(free=True),
    "two answers": talk(free=True, n=2, temperature=1, seed=1),
    "logprobs": talk(free=True, logprobs=True, top_logprobs=2),
    "reasoning": talk(),
    "tools required": talk(free=True, tools=TOOLS, tool_choice="required", max_tokens=80),
    "tools required and cut": talk(free=True, tools=TOOLS, tool_choice="required", max_tokens=3),
    "tool named": talk(free=True, tools=TOOLS, tool_choice=NAMED, max_tokens=80),
    "tools auto": talk(free=True, tools=TOOLS),
    "strict tools auto": talk(free=True, tools=STRICT),
    "strict tools and a hostile schema": talk(free=True, tools=STRICT, response_format=AS_HOSTILE),
    "tools and a schema": talk(free=True, tools=TOOLS, response_format=AS_NUMBER, max_tokens=60),
    "schema": talk(free=True, response_format=AS_NUMBER, max_tokens=60),
    "schema cut": talk(free=True, response_format=AS_NUMBER, max_tokens=2),
    "schema and two answers": talk(free=True, response_format=AS_NUMBER, max_tokens=60, n=2, seed=1, temperature=1),
    "regex": talk(free=True, structured_outputs={"regex": "[abc]{3}"}),
    "choice": talk(free=True, structured_outputs={"choice": ["red", "green"]}),
    "grammar": talk(free=True, structured_outputs={"grammar": 'root ::= "x" | "yy"'}),
    "tag": talk(free=True, response_format={"type": "structural_tag", "structures": [TAG], "triggers": ["<f"]}),
    "tag of another form": talk(free=True, response_format={"type": "structural_tag", "format": {"type": "any_text"}}),
    "hostile regex": talk(free=True, structured_outputs={"regex": CRASHING}),
    "beam": talk(free=True, use_beam_search=True, n=2, max_tokens=4),
    "limit above the context": talk(free=True, max_tokens=5000),
    "too long": talk("word " * 400),
    "cut to the context": talk("word " * 400, free=True, truncate_prompt_tokens=-1),
    "range": talk(temperature=-1),
    "secret": talk(messages="secret"),
    "template": talk(chat_template="{{ 1 }}"),
    "image": talk([{"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}}]),  # type: ignore[arg-type]
    "other model": talk(free=True, model="gpt-5"),
    "embeddings": (Endpoint.EMBEDDINGS, {"input": "x"}),
    "completion": completion(prompt="a b c"),
    "prompts": completion(prompt=["a b c", "d"], n=2, temperature=1, seed=1),
    "ids": completion(prompt=[1, 2, 3, 4]),
    "lists of ids": completion(prompt=[[1, 2, 3], [4, 5]]),
    "echo": completion(prompt="a b c", echo=True),
    "full": completion(prompt=[1] * 255),
    "overfull": completion(prompt=[1] * 256),
    "same again": completion(prompt=list(range(10, 140))),
    "same once more": completion(prompt=list(range(10, 140))),
    "response": (Endpoint.RESPONSES, {"input": "say", "max_output_tokens": 6, "temperature": 0}),
    "response with a schema": (
        Endpoint.RESPONSES,
        {
            "input": "say", "max_output_tokens": 60, "temperature": 0, "reasoning": {"effort": "none"},
            "text": {"format": {"type": "json_schema", "name": "a", "schema": NUMBER}},
        },
    ),
    "acting tool": (Endpoint.RESPONSES, {"input": "say", "tools": [{"type": "web_search"}]}),
}  # fmt: skip
TYPES: dict[str, Any] = {
    Endpoint.CHAT: ChatCompletion,
    Endpoint.COMPLETIONS: Completion,
    Endpoint.RESPONSES: Response,
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    """How each row ended, by its name."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "include")}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("row_probe.py")), str(tiny_model()), SERVING.model_dump_json()],
        input="".join(json.dumps(row) + "\n" for row in ROWS.values()),
        env=environment, capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(zip(ROWS, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.fixture
def bodies(outcomes: dict[str, Any]) -> dict[str, Any]:
    """The responses of the rows that were answered, as the types of OpenAI's own library."""
    return {
        name: TYPES[ROWS[name][0]].model_validate(outcome[0])
        for name, outcome in outcomes.items()
        if not isinstance(outcome, str)
    }


def contents(body: ChatCompletion) -> list[str]:
    return [choice.message.content or "" for choice in body.choices]


def calls(body: ChatCompletion) -> list[tuple[str, Any]]:
    found: Any = body.choices[0].message.tool_calls
    return [(call.function.name, json.loads(call.function.arguments)) for call in found]


REFUSED = {
    "tools required and cut": "schema: the answer has no complete call of a tool after 3 tokens; raise max_tokens",
    "schema cut": "schema: the answer is not complete JSON after 2 tokens; raise max_tokens",
    "tag of another form": "schema: structural_tag: the engine decodes to one with `structures` and `triggers` only",
    "hostile regex": "schema: the engine cannot decode to the regular expression: pattern: exceed the maximum",
    "strict tools and a hostile schema": "schema: the engine cannot decode to the JSON schema: pattern: exceed",
    "too long": "too_long: the prompt has at least 256 tokens; the model takes 255 tokens",
    "overfull": "too_long: the prompt has at least 256 tokens; the model takes 255 tokens",
    "range": "invalid: temperature must be non-negative, got -1.0",
    "secret": "invalid: messages: Input should be a valid list",
    "template": "invalid: Chat template is passed with request",
    "image": "invalid: tiny is not a multimodal model",
    "embeddings": "invalid: model tiny does not serve /v1/embeddings; it serves /v1/chat/completions, ",
    "acting tool": "invalid: tools[0].type: 'web_search' is a tool that acts",
}


def test_only_bad_rows_fail_each_for_its_own_reason(outcomes: dict[str, Any]) -> None:
    failed = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, str)}
    assert failed.keys() == REFUSED.keys()
    assert {name: failed[name].startswith(REFUSED[name]) for name in failed} == dict.fromkeys(failed, True), failed


def test_every_body_is_of_openai_s_type_and_counts_its_tokens(outcomes: dict[str, Any], bodies: dict[str, Any]) -> None:
    for name, body in bodies.items():
        number = list(ROWS).index(name)
        assert body.id.endswith(f"request-{number}"), name
        assert body.model == "tiny", name
        _, prompt, completion_tokens, _ = outcomes[name]
        assert prompt + completion_tokens == body.usage.total_tokens, name


def test_chat(bodies: dict[str, Any]) -> None:
    assert len(set(contents(bodies["two answers"]))) == 2
    logprobs = bodies["logprobs"].choices[0].logprobs.content
    assert (len(logprobs), len(logprobs[0].top_logprobs)) == (12, 2)
    thought = bodies["reasoning"].choices[0].message
    assert thought.reasoning
    assert not thought.content
    assert contents(bodies["other model"]) == contents(bodies["chat"])
    assert len(bodies["beam"].choices) == 2


def test_tools(bodies: dict[str, Any]) -> None:
    for name in ("tools required", "tool named"):
        for tool, arguments in calls(bodies[name]):
            assert tool == "weather"
            assert list(arguments) == ["city"]
    assert bodies["tools required"].choices[0].finish_reason == "tool_calls"
    for name in ("tools auto", "strict tools auto"):
        assert bodies[name].choices[0].message.tool_calls is None, name
    assert list(json.loads(contents(bodies["tools and a schema"])[0])) == ["a"]


def test_constraints(bodies: dict[str, Any]) -> None:
    for name in ("schema", "schema and two answers"):
        for text in contents(bodies[name]):
            assert list(json.loads(text)) == ["a"], "an object has properties that its schema does not name"
    assert re.fullmatch("[abc]{3}", contents(bodies["regex"])[0])
    assert contents(bodies["choice"])[0] in ("red", "green")
    assert contents(bodies["grammar"])[0] in ("x", "yy")


def test_answers_end_where_the_context_does(outcomes: dict[str, Any], bodies: dict[str, Any]) -> None:
    for name in ("limit above the context", "cut to the context", "full"):
        assert bodies[name].choices[0].finish_reason == "length", name
        assert sum(outcomes[name][1:3]) == 256, name


def test_completions(outcomes: dict[str, Any], bodies: dict[str, Any]) -> None:
    assert [choice.index for choice in bodies["prompts"].choices] == [0, 1, 2, 3]
    assert outcomes["prompts"][1:3] == [4, 16]
    assert outcomes["lists of ids"][1:3] == [5, 8]
    assert bodies["echo"].choices[0].text.startswith("a b c")
    assert outcomes["same again"][3] == 0
    assert outcomes["same once more"][3] > 0, "no token of a prompt that was read before counts as cached"


def test_responses(bodies: dict[str, Any]) -> None:
    assert bodies["response"].status == "incomplete"
    assert list(json.loads(bodies["response with a schema"].output_text)) == ["a"]
