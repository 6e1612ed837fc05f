"""What the pinned vLLM takes at each endpoint: the keys of a body, their types and ranges.

``request_schemas.json`` is generated (``make schemas``). It is read, and a validator compiled, when the first body of
an endpoint is checked.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs

from llmbatch.core.endpoints import Endpoint
from llmbatch.orchestrator.inputs.problem import Problem, kind_of

_FILE = Path(__file__).with_suffix(".json")
_LONGEST_NUMBER = 30
_KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}
_BOUNDS = {
    "minimum": "{} is the least",
    "maximum": "{} is the most",
    "exclusiveMinimum": "it must be more than {}",
    "exclusiveMaximum": "it must be less than {}",
}
_SIZES = {
    "minLength": "has fewer than {} characters",
    "maxLength": "has more than {} characters",
    "minItems": "has fewer than {} values",
    "maxItems": "has more than {} values",
}
_CORRECT = "Correct the value"


class _Rules(NamedTuple):
    keys: frozenset[str]
    validator: jsonschema_rs.Draft202012Validator


def known_keys(endpoint: Endpoint) -> frozenset[str]:
    """Return the keys that a body for the endpoint may have."""
    return _rules(endpoint).keys


def problem_of(endpoint: Endpoint, body: Mapping[str, object]) -> Problem | None:
    """Return the first thing that is wrong with a body, None if nothing is. Its contents are not checked."""
    rules = _rules(endpoint)
    if not body.keys() <= rules.keys:
        return unknown_key(endpoint, next(key for key in body if key not in rules.keys))
    try:
        if rules.validator.is_valid(body):
            return None
        errors = list(rules.validator.iter_errors(body))
    except ValueError:  # a date, a decimal: whatever a Parquet struct can hold
        return Problem("request", "holds a value that JSON has no form for", "Use plain texts, numbers and lists")
    # A wrong type of tool explains that its name is missing.
    return _explained(min(errors, key=lambda error: error.kind.name == "required"), body)


def unknown_key(endpoint: Endpoint, key: str) -> Problem:
    """Return the problem of a key that the endpoint does not have, with the nearest name."""
    near = difflib.get_close_matches(key, known_keys(endpoint), n=1)
    fix = f"Did you mean `{near[0]}`?" if near else "Remove it"
    return Problem(f"{key:.80}", f"is not a parameter of {endpoint.value}", fix)


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


@cache
def _rules(endpoint: Endpoint) -> _Rules:
    document = _document()
    keys = document["endpoints"][endpoint.value]
    schema = {"type": "object", "properties": keys, "$defs": document["$defs"]}
    return _Rules(frozenset(keys), jsonschema_rs.Draft202012Validator(schema))


def _explained(error: jsonschema_rs.ValidationError, body: Mapping[str, object]) -> Problem:
    """Return the problem in words, with a number but no text of the body."""
    errors = _deepest(error)
    kind, facts = errors[0].kind.name, errors[0].kind.as_dict()
    path = list(errors[0].instance_path)
    field, value = _path_text(path), _at(body, path)
    what, fix = "is not written as vLLM reads it", _CORRECT
    if kind == "required":
        field, what, fix = f"{field}.{facts['property']}", "is missing", "Add it"
    elif kind == "additionalProperties":
        field, what, fix = f"{field}.{facts['unexpected'][0]:.80}", "is not a key that vLLM knows there", "Remove it"
    elif kind in _BOUNDS:
        what = f"is {_number(value)}, and {_BOUNDS[kind].format(facts['limit'])}"
    elif kind in _SIZES:
        what = _SIZES[kind].format(facts["limit"])
    elif kind in ("enum", "const"):
        what = f"is {kind_of(value)} that is not one of {_options(errors)}"
    elif kind == "type":
        what = f"is {_number(value)}, and it takes {_types(errors)}"
    return Problem(field, what, fix)


def _deepest(error: jsonschema_rs.ValidationError) -> list[jsonschema_rs.ValidationError]:
    """Return the error, of a choice of forms the errors of the forms that fit best: those at the deepest place."""
    if error.kind.name != "anyOf":
        return [error]
    forms = error.kind.as_dict()["context"]
    fitting = [form for form in forms if not any(_is_other_kind(each, error) for each in form)]
    found = [inner for form in fitting or forms for each in form for inner in _deepest(each)]
    deepest = max(len(each.instance_path) for each in found)
    return [each for each in found if len(each.instance_path) == deepest]


def _is_other_kind(inner: jsonschema_rs.ValidationError, outer: jsonschema_rs.ValidationError) -> bool:
    return inner.kind.name == "type" and inner.instance_path == outer.instance_path


def _options(errors: Iterable[jsonschema_rs.ValidationError]) -> str:
    names: list[object] = []
    for error in errors:
        facts = error.kind.as_dict()
        names += facts.get("options", [facts["expected_value"]] if "expected_value" in facts else [])
    return ", ".join(dict.fromkeys(map(str, names)))


def _types(errors: Iterable[jsonschema_rs.ValidationError]) -> str:
    names = [name for error in errors for name in error.kind.as_dict().get("types", ())]
    return " or ".join(dict.fromkeys(_KINDS[name] for name in names))


def _number(value: object) -> str:
    """Return a number as it is, and of any other value what it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return kind_of(value)
    shown = repr(value) if isinstance(value, float) or abs(value) < 2**80 else ""
    return shown if 0 < len(shown) <= _LONGEST_NUMBER else "a number of many digits"


def _at(body: object, path: Iterable[str | int]) -> object:
    for part in path:
        body = body[part]  # type: ignore[index]  # the validator has been there
    return body


def _path_text(path: Iterable[str | int]) -> str:
    """Return ``tools[0].function`` for the parts of a path."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part:.80}" for part in path).removeprefix(".")
