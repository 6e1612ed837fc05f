"""Lines of a byte stream: numbered, whole across chunks, bounded in length."""

from __future__ import annotations

import pytest

from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.readers.lines import Line, split_lines

TEXT = b"\xef\xbb\xbffirst\n\nthird\r\n\xef\xbb\xbflast"


def chunked(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_for_every_size_of_chunk(size: int) -> None:
    assert list(split_lines(iter(chunked(TEXT, size)), 100)) == [
        Line(1, b"first"), Line(2, b""), Line(3, b"third\r"), Line(4, b"\xef\xbb\xbflast"),
    ]  # fmt: skip


def test_a_stream_without_bytes_has_no_line() -> None:
    assert list(split_lines(iter([]), 100)) == []
    assert list(split_lines(iter([b"\xef\xbb\xbf"]), 100)) == []


@pytest.mark.parametrize("size", [3, 5000, 100_000])
@pytest.mark.parametrize("ending", [b"\nnext", b""])
def test_a_line_over_the_limit_keeps_its_start_and_its_number(size: int, ending: bytes) -> None:
    body = b"ok\n" + b"x" * 20_000 + ending
    before, long, *after = split_lines(iter(chunked(body, size)), 10_000)
    assert before == Line(1, b"ok")
    assert (long.number, long.raw, long.error_class) == (2, b"x" * 8000, ErrorClass.TOO_LONG)
    assert "longer than 10000 bytes" in (long.problem or "")
    assert after == ([Line(3, b"next")] if ending else [])


@pytest.mark.parametrize("ending", [b"\n", b""])
def test_a_line_of_exactly_the_limit_is_whole(ending: bytes) -> None:
    (line,) = split_lines(iter([b"x" * 10 + ending]), 10)
    assert line == Line(1, b"x" * 10)
