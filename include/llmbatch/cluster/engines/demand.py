"""What a request requires of the form of its answer."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from llmbatch.cluster.engines.base import Body

_JSON = ("json_schema", "json_object")


@dataclass(frozen=True, slots=True)
class Demand:
    """What every choice must be.

    Attributes:
        json: a text that is JSON.
        calls: calls of tools, whose arguments are JSON.
        formed: a text of any given form: JSON, or another that a cut would break.
    """

    json: bool = False
    calls: bool = False
    formed: bool = False


def demand_of(body: Body) -> Demand:
    """Return what a request body of any endpoint requires. A call that is required takes the place of a form."""
    choice = body.get("tool_choice")
    calls = bool(body.get("tools")) and (choice == "required" or isinstance(choice, dict))
    kinds = {_type(body.get("response_format")), _type(_object(body.get("text")).get("format"))} - {"", "text"}
    outputs = _object(body.get("structured_outputs"))
    formed = calls or bool(kinds) or any(value is not None for value in outputs.values())
    as_json = bool(kinds.intersection(_JSON)) or outputs.get("json") is not None or bool(outputs.get("json_object"))
    return Demand(json=as_json and not calls and not body.get("echo"), calls=calls, formed=formed)


def schema_of(body: Body) -> JsonValue:
    """Return the JSON schema that a request body states for its answer; None if it states none."""
    for form in (_object(body.get("response_format")), _object(_object(body.get("text")).get("format"))):
        if form.get("type") == "json_schema":
            return _object(form.get("json_schema", form)).get("schema")
    return _object(body.get("structured_outputs")).get("json")


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _type(value: JsonValue) -> str:
    kind = _object(value).get("type")
    return kind if isinstance(kind, str) else ""
