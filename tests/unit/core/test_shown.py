"""Text from outside on one printable line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.shown import shown, shown_lines


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("s3://b/Größe 表/a.jsonl", "s3://b/Größe 表/a.jsonl"),
        ("a\x1b[2J\nevent=forged", r"a\x1b[2J\nevent=forged"),
        ("a\r\tb\x00\x7f\x9b1m", r"a\r\tb\x00\x7f\x9b1m"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("txt.\u202egpj", r"txt.\u202egpj"),
        ("\ud800", r"\ud800"),
        (ValueError("a\nb"), r"a\nb"),
        ("x" * 2001, "x" * 2000 + "... (2001 characters)"),
        ("", ""),
    ],
)
def test_what_is_not_printable_is_escaped(text: object, line: str) -> None:
    assert shown(text) == line


@given(st.text(alphabet=st.characters(exclude_categories=())), st.integers(1, 50))
def test_any_text_is_one_bounded_printable_line(text: str, most: int) -> None:
    line = shown(text, most)
    assert line.isprintable()
    assert len(line) <= 10 * most + 40
    line.encode()


def test_lines_stay_lines() -> None:
    assert shown_lines("one\ntwo\x1b[1m\n") == "one\ntwo\\x1b[1m\n"
