"""What is printed is escaped."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from llmbatch.cli.client.screen import cell, hours, percent, print_json, print_line, print_pairs, print_table


def test_values() -> None:
    assert [cell(None), cell(datetime(2030, 1, 1, tzinfo=UTC)), cell("a\x1b")] == [
        "-",
        "2030-01-01 00:00 UTC",
        r"a\x1b",
    ]
    assert [hours(None), hours(1.5), hours(-0.5)] == [None, "1h30m", "-30m00s"]
    assert [percent(None), percent(12.345)] == [None, "12.3 %"]


def test_tables_show_no_markup_and_no_control_character() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100)
    print_table(console, ("a", "b"), [("[red]x", "\x1b[2J"), (None, 1)])
    print_pairs(console, [("n", "[b]\x07"), ("none", None), ("zero", 0)])
    text = out.getvalue()
    assert all(part in text for part in ("[red]x", r"\x1b[2J", r"[b]\x07", "zero", "-"))
    assert "none" not in text


def test_lines_and_documents(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("a\nb")
    print_json({"a": "é\x1b"})
    assert capsys.readouterr().out == 'a\\nb\n{\n  "a": "é\\u001b"\n}\n'
