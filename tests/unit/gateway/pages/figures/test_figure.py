"""Texts of a figure."""

from __future__ import annotations

from llmbatch.gateway.pages.figures.figure import plain


def test_no_tag_of_a_text_from_outside_works_in_a_figure() -> None:
    assert plain('<a href="https://x.test">1 & 2</a><br>') == (
        '&lt;a href="https://x.test"&gt;1 &amp; 2&lt;/a&gt;&lt;br&gt;'
    )
    assert plain("&lt;b&gt;") == "&amp;lt;b&amp;gt;"


def test_a_text_is_one_line_of_bounded_length_without_hidden_characters() -> None:
    assert plain("a\x1b[2J\n\u202eb") == "a\\x1b[2J\\n\\u202eb"
    assert plain("x" * 1_000_000) == f"{'x' * 200}... (1000000 characters)"
    assert plain("abcdef", most=3) == "abc... (6 characters)"
