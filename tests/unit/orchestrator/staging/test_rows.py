"""Rows of all input objects: each custom_id is used once."""

from __future__ import annotations

from fakes.input_rows import chat_line, rows_of
from llmbatch.core.request_options import InputFormat


def test_duplicate_custom_ids_across_objects() -> None:
    objects = {"a": chat_line("x") + b"\n" + chat_line("y"), "b": b"\n" + chat_line("x") + b"\n" + chat_line("z")}
    rows = rows_of(objects, InputFormat.OPENAI_BATCH)
    assert [row.row_id for row in rows] == [
        "00000-000000001",
        "00000-000000002",
        "00001-000000002",
        "00001-000000003",
    ]
    assert [row.error is None for row in rows] == [True, True, False, True]
    assert rows[2].error.startswith("line 2 of b: custom_id 'x' was used before, in line 1 of a.")
