"""Arrow types of the input's own columns: without encodings, and one for all objects of a job."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.types as kinds

_TEXT = pa.string()
_VIEWS = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
_LISTS = (
    (kinds.is_list, pa.list_),
    (kinds.is_list_view, pa.list_),
    (kinds.is_large_list, pa.large_list),
    (kinds.is_large_list_view, pa.large_list),
)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type without dictionaries and views, in which every value may be null."""
    if kinds.is_dictionary(kind):
        return plain_type(kind.value_type)
    if kinds.is_struct(kind):
        return pa.struct([pa.field(field.name, plain_type(field.type)) for field in kind])
    if kinds.is_map(kind):
        return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    if kinds.is_fixed_size_list(kind):
        return pa.list_(plain_type(kind.value_type), kind.list_size)
    make = next((make for is_list, make in _LISTS if is_list(kind)), None)
    return _VIEWS.get(kind, kind) if make is None else make(plain_type(kind.value_type))


def unified(one: pa.Schema, other: pa.Schema) -> pa.Schema:
    """Return all columns of both, in the order in which they appear.

    Of a column with two types the result has one that holds both (``int32`` and ``int64`` give ``int64``), else text.
    """
    fields: dict[str, pa.Field] = {field.name: field for field in one}
    for field in other:
        known = fields.get(field.name)
        fields[field.name] = field if known is None else pa.field(field.name, _common(known.type, field.type))
    return pa.schema(fields.values())


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other:
        return one
    pair = [pa.schema([("x", kind)]) for kind in (one, other)]
    try:
        common = pa.unify_schemas(pair, promote_options="permissive").field(0).type
        for kind in (one, other):
            pa.nulls(0, kind).cast(common)
    except pa.ArrowException:
        return _TEXT
    return common


def converted(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Return the column as that type, which ``unified`` found; nested values become JSON text where it is text."""
    if column.type == kind:
        return column
    for is_safe in (True,) if kind == _TEXT else (True, False):
        try:
            return column.cast(kind, safe=is_safe)
        except pa.ArrowException:
            continue
    return pa.chunked_array([[_text(value) for value in column]], kind)


def _text(scalar: pa.Scalar) -> str | None:
    try:
        value = scalar.as_py()
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, OverflowError, RecursionError):  # a date that Python does not have, text that is not UTF-8
        return None
