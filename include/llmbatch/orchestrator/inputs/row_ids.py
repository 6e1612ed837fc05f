"""The ``custom_id`` of an input row: which column holds it, and its text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from uuid import UUID

from llmbatch.core.errors import RowError
from llmbatch.core.request_options import NO_ID_COLUMN
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.json_values import as_json

MAX_CUSTOM_ID_CHARS = 512
DEFAULT_ID_COLUMNS = ("custom_id", "id")

_UUID_BYTES = 16


class RowIds:
    """Reads the ids of one job's table rows.

    A named column is the user's: a value that cannot be an id fails its row. By default ``custom_id``, else ``id``, is
    taken where it can be an id; other values are no error, because the column may be meant for something else.
    """

    def __init__(self, id_column: str | None) -> None:
        self.is_named = id_column is not None
        if id_column is None:
            self.columns: tuple[str, ...] = DEFAULT_ID_COLUMNS
        else:
            self.columns = () if id_column == NO_ID_COLUMN else (id_column,)

    def of(self, record: Mapping[str, object]) -> str | None:
        """Return the row's id as text; None where it has none.

        Raises:
            RowError: the value of the named column cannot be an id.
        """
        value = next((record[name] for name in self.columns if record.get(name) is not None), None)
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return None
        try:
            return _id_text(value, self.columns[0])
        except RowError:
            if self.is_named:
                raise
            return None


def _id_text(value: object, column: str) -> str:
    if isinstance(value, (dict, list)):
        raise RowError(ErrorClass.INVALID, f"`{column}` is not a text or a number. Give every row a short text")
    if isinstance(value, bytes):
        return checked_custom_id(_bytes_text(value), column)
    return checked_custom_id(str(as_json(value, column)), column)


def _bytes_text(value: bytes) -> str:
    """Return readable ASCII as it is, 16 other bytes as a UUID, then UTF-8 as text, and the rest in hexadecimal."""
    if value.isascii() and value.decode("ascii").isprintable():
        return value.decode("ascii")
    if len(value) == _UUID_BYTES:
        return str(UUID(bytes=value))
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()


def checked_custom_id(value: str, column: str = "custom_id") -> str:
    """Return the id if it can name a row.

    Raises:
        RowError: it is too long or cannot be stored as UTF-8 text.
    """
    if len(value) > MAX_CUSTOM_ID_CHARS:
        raise RowError(
            ErrorClass.INVALID, f"`{column}` has {len(value)} characters, more than {MAX_CUSTOM_ID_CHARS}. Shorten it"
        )
    if "\0" in value or not _is_utf8(value):
        raise RowError(ErrorClass.INVALID, f"`{column}` holds a NUL or half a surrogate pair. Use plain text")
    return value


def _is_utf8(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
