"""One line of JSON text to one object, or an error with the reason."""

from __future__ import annotations

import json

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

_decode = json.JSONDecoder().decode
"""Takes NaN and Infinity as numbers: only a row that uses one fails."""


def _whole_number(digits: str) -> int | float:
    """Return the number; one of thousands of digits, which Python does not convert, as infinite."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


_decode_huge = json.JSONDecoder(parse_int=_whole_number).decode


def json_object(text: str) -> dict[str, object]:
    """Return the JSON object that the line holds; its numbers may be NaN or infinite.

    Raises:
        RowError: it is not JSON, or not a JSON object.
    """
    try:
        value = _decoded(text)
    except json.JSONDecodeError as error:
        raise RowError(
            ErrorClass.INVALID,
            f"not JSON ({error.msg.lower()} at character {error.pos + 1}). Write one JSON object per line",
        ) from None
    except RecursionError:
        raise RowError(ErrorClass.INVALID, "the JSON is nested too deeply. Flatten it") from None
    if not isinstance(value, dict):
        raise RowError(ErrorClass.INVALID, "the line is JSON but not an object. Write {...} on every line")
    return value


def _decoded(text: str) -> object:
    try:
        return _decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _decode_huge(text)
