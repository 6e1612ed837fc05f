"""Columns of a Parquet batch as Python values in the terms of JSON; a value that cannot be read costs only its row."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.types as kinds

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.json_values import as_json

_FAILURES = (ValueError, OverflowError, LookupError, pa.ArrowException)
"""What a value raises: a text that is not UTF-8, a time that Python does not have, an unknown time zone."""
_JSON_TYPES = (
    kinds.is_string,
    kinds.is_large_string,
    kinds.is_integer,
    kinds.is_floating,
    kinds.is_boolean,
    kinds.is_null,
)


class Unreadable:
    """In place of a value that has no form in JSON: the reason."""

    def __init__(self, error: RowError) -> None:
        self.error = error


def json_values(column: pa.Array, name: str) -> list[object]:
    """Return the values of a column: texts, numbers, truth values, None, lists, objects, or ``Unreadable``.

    Times become ISO 8601 text, cut to microseconds.
    """
    plain = _decoded(column)
    if _is_json(plain.type):
        return list(_python_values(plain, name))
    return [_checked(value, name) for value in _python_values(plain, name)]


def id_values(column: pa.Array, name: str) -> list[object]:
    """Return the values of a column of ids; bytes stay bytes, and times are text in full."""
    plain = column.dictionary_decode() if kinds.is_dictionary(column.type) else column
    if kinds.is_temporal(plain.type) and not kinds.is_duration(plain.type):
        plain = plain.cast(pa.string())
    return list(_python_values(_decoded(plain), name))


def _checked(value: object, name: str) -> object:
    if isinstance(value, Unreadable):
        return value
    try:
        return as_json(value, name)
    except RowError as error:
        return Unreadable(error)


def _python_values(column: pa.Array, name: str) -> Iterator[object]:
    try:
        yield from column.to_pylist()
    except _FAILURES:
        for scalar in column:
            try:
                yield scalar.as_py()
            except UnicodeDecodeError:
                yield _unreadable(f"column `{name}` is not UTF-8. Write it as UTF-8 text")
            except _FAILURES as error:
                yield _unreadable(f"column `{name}` holds a value that cannot be read ({error}). Correct it")


def _unreadable(message: str) -> Unreadable:
    return Unreadable(RowError(ErrorClass.INVALID, message))


def _decoded(column: pa.Array) -> pa.Array:
    """Return the column without a dictionary, and its times in units that Python has."""
    if kinds.is_dictionary(column.type):
        column = column.dictionary_decode()
    target = _python_type(column.type)
    return column if target == column.type else column.cast(target, safe=False)


def _python_type(kind: pa.DataType) -> pa.DataType:
    if kinds.is_list(kind) or kinds.is_large_list(kind):
        make = pa.list_ if kinds.is_list(kind) else pa.large_list
        return make(kind.value_field.with_type(_python_type(kind.value_type)))
    if kinds.is_struct(kind):
        return pa.struct([field.with_type(_python_type(field.type)) for field in kind])
    if kinds.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if kinds.is_time64(kind) or kinds.is_duration(kind):
        return pa.time64("us") if kinds.is_time64(kind) else pa.duration("us")
    return kind


def _is_json(kind: pa.DataType) -> bool:
    """Return whether every value of the type is one of JSON, but for numbers that are not finite."""
    if kinds.is_list(kind) or kinds.is_large_list(kind):
        return _is_json(kind.value_type)
    if kinds.is_struct(kind):
        return all(_is_json(field.type) for field in kind)
    return any(test(kind) for test in _JSON_TYPES)
