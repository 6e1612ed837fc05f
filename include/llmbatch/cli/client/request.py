"""From the options of ``submit`` and ``benchmark`` to the document that the gateway expects."""

from __future__ import annotations

import json
import re

from pydantic import JsonValue, TypeAdapter

from llmbatch.cli.client.exits import CommandError, Exit

Document = dict[str, JsonValue]

_HOURS_OF = {"m": 1 / 60, "h": 1.0, "d": 24.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([mhd]?)", re.ASCII)
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


def hours_of(text: str, option: str) -> float:
    """Return hours for ``6h``, ``90m``, ``1d`` or ``6``.

    Raises:
        CommandError: naming the option, for any other text.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise CommandError(f"{option} {text!r} is not a duration. Write 90m, 6h or 2d.", Exit.USAGE)
    return float(found[1]) * _HOURS_OF[found[2] or "h"]


def assigned(document: Document, settings: list[str]) -> Document:
    """Return the document with ``key=value`` assignments; ``sampling.max_tokens=64`` sets a field of a section.

    A value is read as JSON, and is a text if it is not JSON.

    Raises:
        CommandError: an assignment has no ``=``, or sets a field of what is not a section.
    """
    made: Document = json.loads(json.dumps(document))
    for setting in settings:
        name, equals, text = setting.partition("=")
        path = name.strip().split(".")
        if not equals or not all(path):
            raise CommandError(f"--set {setting!r} is not key=value. Write for example temperature=0.", Exit.USAGE)
        section = made
        for part in path[:-1]:
            inner = section.setdefault(part, {})
            if not isinstance(inner, dict):
                raise CommandError(f"--set {name}: {part} has a value and is not a section. Remove one.", Exit.USAGE)
            section = inner
        section[path[-1]] = _value(text)
    return made


def given(**options: JsonValue) -> Document:
    """Return the options that have a value."""
    return {name: value for name, value in options.items() if value is not None}


def _value(text: str) -> JsonValue:
    try:
        return _JSON.validate_python(json.loads(text))
    except ValueError:
        return text
