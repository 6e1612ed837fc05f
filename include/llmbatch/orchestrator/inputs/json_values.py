"""Values of table rows in the terms of JSON: what JSON has no form for becomes text."""

from __future__ import annotations

import math
from datetime import date, time, timedelta
from decimal import Decimal
from uuid import UUID

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass


def as_json(value: object, name: str) -> object:
    """Return the value with texts for dates, times, durations, decimals, UUIDs and bytes that are UTF-8.

    Args:
        value: a Python value as Arrow or a JSON parser gives it.
        name: the column, for errors.

    Raises:
        RowError: naming the key: a number that is not finite, bytes that are not UTF-8, or any other kind of value.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, dict):
        return {str(key): as_json(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item, f"{name}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise _invalid(name, "is NaN, infinite or too large a number", "Write a plain number, or leave it out")
    text = _text_of(value)
    if text is None:
        kind = "bytes that are not UTF-8" if isinstance(value, bytes) else f"of type {type(value).__name__}"
        raise _invalid(name, f"is {kind}, for which JSON has no form", "Write it as text")
    return text


def _text_of(value: object) -> str | None:
    if isinstance(value, (date, time)):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (timedelta, UUID)):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return None
    return None


def _invalid(name: str, problem: str, fix: str) -> RowError:
    return RowError(ErrorClass.INVALID, f"`{name}` {problem}. {fix}")
