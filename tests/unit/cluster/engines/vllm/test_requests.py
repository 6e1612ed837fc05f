"""The body of a row on its way to vLLM."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmbatch.cluster.engines.vllm.requests import prepared, taken_structural_tag
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

TAG = {"structures": [], "triggers": []}


def ready(endpoint: Endpoint = Endpoint.CHAT, **body: Any) -> dict[str, Any]:
    return prepared(endpoint, body, "0123", "m", frozenset({"adapter"}))


@pytest.mark.parametrize(("asked", "gets"), [({}, "m"), ({"model": "gpt-5"}, "m"), ({"model": "adapter"}, "adapter")])
def test_the_model_is_ours_unless_the_body_names_an_adapter(asked: dict[str, Any], gets: str) -> None:
    assert ready(**asked)["model"] == gets


def test_a_body_gets_its_id_and_no_stream() -> None:
    body = {"prompt": "x", "stream": True, "stream_options": {}, "request_id": "mine"}
    assert prepared(Endpoint.COMPLETIONS, body, "0123", "m", frozenset()) == {
        "prompt": "x",
        "request_id": "0123",
        "model": "m",
    }
    assert body["stream"] is True, "the row's own body stays"


def test_a_response_is_one_turn_that_is_not_stored() -> None:
    found = ready(Endpoint.RESPONSES, input="x", store=True, background=False, tools=[{"type": "function"}])
    assert (found["store"], found["request_id"]) == (False, "resp_0123")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"background": True}, "background: a row is answered at once and alone; leave it out"),
        ({"previous_response_id": "resp_1"}, "previous_response_id: "),
        (
            {"tools": [{"type": "function"}, {"type": "mcp"}]},
            "tools[1].type: 'mcp' is a tool that acts; rows have function, ",
        ),
        ({"tools": ["x"]}, "tools[0].type: None"),
    ],
)
def test_what_needs_more_than_the_row_is_refused_by_name(body: dict[str, Any], message: str) -> None:
    with pytest.raises(RowError) as caught:
        ready(Endpoint.RESPONSES, **body)
    assert caught.value.error_class is ErrorClass.INVALID
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"response_format": {"type": "structural_tag", **TAG}}, {}),
        ({"structured_outputs": {"structural_tag": json.dumps(TAG)}, "n": 1}, {"n": 1}),
    ],
)
def test_a_structural_tag_is_taken_out_of_the_body(body: dict[str, Any], left: dict[str, Any]) -> None:
    found = taken_structural_tag(body)
    assert found is not None
    assert TAG.items() <= json.loads(found).items()
    assert body == left


@pytest.mark.parametrize(
    "body", [{}, {"response_format": {"type": "json_object"}}, {"structured_outputs": {"regex": "a"}}]
)
def test_other_constraints_stay(body: dict[str, Any]) -> None:
    before = dict(body)
    assert taken_structural_tag(body) is None
    assert body == before


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"response_format": {"type": "structural_tag", "format": {}}}, "`structures` and `triggers` only"),
        ({"structured_outputs": {"structural_tag": "{"}}, "structural_tag is not JSON"),
        ({"structured_outputs": {"structural_tag": "[" * 100_000}}, "structural_tag is not JSON"),
        ({"structured_outputs": {"structural_tag": "{}", "regex": "a"}}, "goes with no other constraint"),
    ],
)
def test_a_structural_tag_of_another_form_is_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(RowError, match="schema: ") as caught:
        taken_structural_tag(body)
    assert message in caught.value.message
