"""What commands print: one JSON document, lines, or a table. Texts of servers and jobs are printed escaped."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import JsonValue
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmbatch.core.durations import span
from llmbatch.core.shown import shown


def print_json(document: JsonValue) -> None:
    """Print a document, indented."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_line(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{shown(text)}\n")
    sys.stdout.flush()


def print_table(console: Console, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; a value that is None is shown as ``-``."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(title, no_wrap=title in titles[:1])
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    console.print(table)


def print_pairs(console: Console, pairs: Iterable[tuple[str, object]]) -> None:
    """Print names and values, without those that are None or empty."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in pairs:
        if value not in {None, ""}:
            table.add_row(Text(name, style="bold"), Text(cell(value)))
    console.print(table)


def cell(value: object) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return shown(value)


def hours(value: float | None) -> str | None:
    """Return hours as ``2h05m``; with a minus if they are over."""
    if value is None:
        return None
    return span(value * 3600) if value >= 0 else f"-{span(-value * 3600)}"


def percent(value: float | None) -> str | None:
    """Return a percentage with one digit."""
    return None if value is None else f"{value:.1f} %"
