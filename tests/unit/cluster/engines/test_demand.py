"""What a request requires of its answer, in the words of each endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.cluster.engines.demand import Demand, demand_of, schema_of

SCHEMA = {"type": "object"}
CHAT_FORMAT = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
RESPONSES_FORMAT = {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}
TOOLS = [{"type": "function", "function": {"name": "f"}}]
JSON = Demand(json=True, formed=True)
FORMED = Demand(formed=True)
CALLS = Demand(calls=True, formed=True)


@pytest.mark.parametrize(
    ("body", "demand"),
    [
        ({}, Demand()),
        ({"response_format": None, "text": None, "structured_outputs": None, "tools": None}, Demand()),
        ({"response_format": {"type": "text"}, "text": {"format": {"type": "text"}}}, Demand()),
        ({"structured_outputs": {"json": None}}, Demand()),
        ({"response_format": CHAT_FORMAT}, JSON),
        ({"response_format": {"type": "json_object"}}, JSON),
        ({"text": RESPONSES_FORMAT}, JSON),
        ({"structured_outputs": {"json": "{}"}}, JSON),
        ({"structured_outputs": {"json_object": True}}, JSON),
        ({"structured_outputs": {"choice": ["a"]}}, FORMED),
        ({"structured_outputs": {"regex": ""}}, FORMED),
        ({"response_format": {"type": "structural_tag"}}, FORMED),
        ({"response_format": CHAT_FORMAT, "echo": True}, FORMED),
        ({"tools": TOOLS, "tool_choice": "auto"}, Demand()),
        ({"tools": TOOLS, "tool_choice": "none"}, Demand()),
        ({"tools": TOOLS, "tool_choice": "required"}, CALLS),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "f"}}}, CALLS),
        ({"tools": TOOLS, "tool_choice": "required", "response_format": CHAT_FORMAT}, CALLS),
        ({"tools": TOOLS, "tool_choice": "auto", "response_format": CHAT_FORMAT}, JSON),
        ({"tool_choice": "required", "response_format": "json", "text": [], "structured_outputs": 1}, Demand()),
    ],
)
def test_the_demand_of_a_body(body: dict[str, Any], demand: Demand) -> None:
    assert demand_of(body) == demand


@pytest.mark.parametrize(
    "body",
    [{"response_format": CHAT_FORMAT}, {"text": RESPONSES_FORMAT}, {"structured_outputs": {"json": SCHEMA}}],
)
def test_a_schema_is_found_wherever_it_may_be(body: dict[str, Any]) -> None:
    assert schema_of(body) == SCHEMA
    assert schema_of({"structured_outputs": {"regex": "a"}}) is None
