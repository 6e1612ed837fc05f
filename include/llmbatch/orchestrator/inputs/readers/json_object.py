"""One line of JSON text to one object, or an error with the reason."""

from __future__ import annotations

import json
from typing import NoReturn

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def json_object(text: str) -> dict[str, object]:
    """Return the JSON object that the line holds.

    Raises:
        RowError: it is not JSON, or not a JSON object.
    """
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise RowError(
            ErrorClass.INVALID,
            f"not JSON ({error.msg.lower()} at character {error.pos + 1}). Write one JSON object per line",
        ) from None
    except RecursionError:
        raise RowError(ErrorClass.INVALID, "the JSON is nested too deeply. Flatten it") from None
    except ValueError:
        raise RowError(
            ErrorClass.INVALID, "the JSON holds NaN, Infinity or a number of thousands of digits. Use plain numbers"
        ) from None
    if not isinstance(value, dict):
        raise RowError(ErrorClass.INVALID, "the line is JSON but not an object. Write {...} on every line")
    return value
