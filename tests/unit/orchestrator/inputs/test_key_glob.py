"""Globs over keys: the same meaning as a regular expression that goes back, in linear time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmbatch.orchestrator.inputs.key_glob import KeyGlob, is_glob, literal_start


def oracle(pattern: str) -> re.Pattern[str]:
    """Return the glob as a regular expression, which may need exponential time."""
    parts = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", pattern, flags=re.DOTALL):
        fixed = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        if token in fixed:
            parts.append(fixed[token])
        elif len(token) > 1:
            inside = re.sub(r"([\\\[&~|])", r"\\\1", token[1:-1])
            parts.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
        else:
            parts.append(re.escape(token))
    return re.compile("".join(parts), re.DOTALL)


@settings(max_examples=400)
@given(
    st.lists(st.sampled_from(["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[!a]", "[", "]", "."]), max_size=9),
    st.lists(st.text("ab/].[", max_size=9), max_size=5),
)
@example(["**/", "a"], ["xa", "a", "b/a", "ab/a"])
@example(["**", "a", "*", "b"], ["a/ab", "aab", "a/b"])
def test_it_means_what_the_regular_expression_means(tokens: list[str], keys: list[str]) -> None:
    pattern = "".join(tokens)
    try:
        wanted = oracle(pattern)
    except re.error:
        with pytest.raises(ValueError, match="is not a set"):
            KeyGlob(pattern)
        return
    glob = KeyGlob(pattern)
    for key in (*keys, pattern.replace("*", "a").replace("?", "b")):
        assert glob.matches(key) == (wanted.fullmatch(key) is not None), (pattern, key)


@pytest.mark.parametrize("star", ["*a", "**a", "**/a"])
def test_many_stars_cost_no_more_than_their_number(star: str) -> None:
    """Five stars took 12 seconds for one key of 1,000 characters."""
    glob = KeyGlob(star * 50 + "b")
    started = time.process_time()
    assert not glob.matches("a" * 1024)
    assert not glob.matches("a/" * 512)
    assert time.process_time() - started < 0.5


def test_the_start_of_a_glob_is_text() -> None:
    assert literal_start("day=*/part-[0-9]*.csv") == "day="
    assert literal_start("plain/key") == "plain/key"
    assert is_glob("a[1]")
    assert not is_glob("a]1")
