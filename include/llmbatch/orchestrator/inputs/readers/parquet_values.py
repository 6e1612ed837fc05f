"""Columns of a Parquet batch as Python values in the terms of JSON; a value that cannot be read costs only its row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pyarrow as pa
import pyarrow.types as kinds

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.json_values import as_json
from llmbatch.orchestrator.inputs.readers.decoded_size import decoded_bytes

_OUT_OF_RANGE = "<value out of range"
"""What Arrow writes for a time that it cannot convert."""
_JSON_TYPES = (
    kinds.is_string,
    kinds.is_large_string,
    kinds.is_integer,
    kinds.is_floating,
    kinds.is_boolean,
    kinds.is_null,
)


class Unreadable:
    """In place of a value that has no form in JSON: the reason, and its bytes as far as they are known."""

    def __init__(self, error: Exception, raw: bytes = b"") -> None:
        self.error = error
        self.raw = raw


def column_values(
    column: pa.Array, field: pa.Field, most: int, read: Callable[[pa.Array, str], list[object]]
) -> list[object]:
    """Return the values of a column as ``read`` gives them, ``json_values`` or ``id_values``.

    Args:
        column: some rows of it; texts in lists may be indexes into a dictionary.
        field: its name and its type in the schema.
        most: the most bytes that a single value may take; a larger one is ``Unreadable``.
        read: what returns the values.
    """
    if len(column) == 1 and decoded_bytes(column) > most:
        problem = "has a value that is larger than a row may be. Shorten it or raise staging.max_prompt_chars"
        return [Unreadable(RowError(ErrorClass.TOO_LONG, f"column `{field.name}` {problem}"))]
    if column.type != field.type:
        with suppress(pa.ArrowNotImplementedError):  # list views; Python gets the same values from the indexes
            column = column.cast(field.type)
    return read(column, field.name)


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
        try:
            return [_time(text, name) for text in plain.cast(pa.string()).to_pylist()]
        except pa.ArrowException:  # an unknown time zone
            return list(_python_values(plain, name))
    return list(_python_values(_decoded(plain), name))


def _time(text: str | None, name: str) -> object:
    if text is None or not text.startswith(_OUT_OF_RANGE):
        return text
    return _unreadable(f"column `{name}` has a value out of range. Correct it")


def _checked(value: object, name: str) -> object:
    if isinstance(value, Unreadable):
        return value
    try:
        return as_json(value, name)
    except Exception as error:  # whatever one value holds is its row's failure
        return Unreadable(error, value if isinstance(value, bytes) else b"")


def _python_values(column: pa.Array, name: str) -> Iterator[object]:
    try:
        yield from column.to_pylist()
    except Exception:  # of one value or of many; the others are kept
        for scalar in column:
            yield _python_value(scalar, name)


def _python_value(scalar: pa.Scalar, name: str) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        raw = scalar.as_buffer().to_pybytes() if isinstance(scalar, pa.BinaryScalar) else b""
        return _unreadable(f"column `{name}` is not UTF-8. Write it as UTF-8 text", raw)
    except Exception as error:  # a date after the year 9999, an unknown time zone: each type has errors of its own
        return _unreadable(f"column `{name}` holds a value that cannot be read ({error}). Correct it")


def _unreadable(message: str, raw: bytes = b"") -> Unreadable:
    return Unreadable(RowError(ErrorClass.INVALID, message), raw)


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
