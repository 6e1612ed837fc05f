"""The id of a row, from the column that holds it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from llmbatch.core.errors import RowError
from llmbatch.orchestrator.inputs.row_ids import RowIds, checked_custom_id


@pytest.mark.parametrize(
    ("id_column", "record", "expected"),
    [
        (None, {"custom_id": "a", "id": "b"}, "a"),
        (None, {"custom_id": None, "id": "b"}, "b"),
        (None, {"id": 7}, "7"),
        (None, {"id": ""}, None),
        (None, {"id": float("nan")}, None),
        (None, {"id": float("inf")}, None),
        (None, {"id": {"$oid": "x"}}, None),
        (None, {"id": "x" * 513}, None),
        (None, {"key": "c"}, None),
        ("key", {"key": "c", "custom_id": "a"}, "c"),
        ("key", {"key": None, "custom_id": "a"}, None),
        ("none", {"custom_id": "a", "id": "b", "none": "c"}, None),
    ],
)
def test_which_column_is_the_id(id_column: str | None, record: dict[str, object], expected: str | None) -> None:
    assert RowIds(id_column).of(record) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (UUID(int=255).bytes, "00000000-0000-0000-0000-0000000000ff"),
        (UUID(int=255), "00000000-0000-0000-0000-0000000000ff"),
        (b"sixteen letters.", "sixteen letters."),
        ("é".encode(), "é"),
        (b"\xff\x00", "ff00"),
        (date(2024, 1, 2), "2024-01-02"),
        (Decimal("1.50"), "1.50"),
        (1.5, "1.5"),
    ],
)
def test_ids_become_text(value: object, text: str) -> None:
    assert RowIds("key").of({"key": value}) == text


@pytest.mark.parametrize("value", [[1], {"a": 1}, "x" * 513, "nul\0", "\ud800", float("inf"), object()])
def test_what_cannot_be_the_id_in_a_named_column_fails_the_row(value: object) -> None:
    with pytest.raises(RowError, match="`key`"):
        RowIds("key").of({"key": value})


def test_a_checked_id_is_returned() -> None:
    assert checked_custom_id("a") == "a"
