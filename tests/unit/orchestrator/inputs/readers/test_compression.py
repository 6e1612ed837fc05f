"""Compressed input gives the same rows as plain input; damage is an error."""

from __future__ import annotations

import gzip
import time
import zlib

import pytest
import zstandard

from fakes.input_rows import PLAIN, request_of, rows_of
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.inputs.readers.compression import plain_chunks
from llmbatch.orchestrator.inputs.readers.lines import split_lines


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(PLAIN),
        gzip.compress(PLAIN[:30]) + gzip.compress(PLAIN[30:]) + b"\0" * 100,
        zstandard.compress(PLAIN),
        zstandard.compress(PLAIN[:30]) + zstandard.compress(PLAIN[30:]),
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.rstrip(b"\n"),
    ],
    ids=["gzip", "gzip-members", "zstd", "zstd-frames", "bom", "crlf", "no-last-newline"],
)
def test_same_rows_in_every_wrapping(body: bytes) -> None:
    rows = rows_of(body, InputFormat.JSONL)
    assert len(rows) == 50_000
    assert [row.line for row in rows] == list(range(1, 50_001))
    assert request_of(rows[-1])["messages"][0]["content"] == "question 49999"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(PLAIN)[:-500], "gzip data ends too early"),
        (gzip.compress(PLAIN) + b"trailing", "gzip data is damaged"),
        (zstandard.compress(PLAIN)[:-10], "zstd data ends too early"),
        (zstandard.compress(PLAIN) + b"trailing", "zstd data is damaged"),
    ],
)
def test_damaged_compression_loses_no_row_in_silence(body: bytes, reason: str) -> None:
    with pytest.raises(RequestError, match=r"is damaged after line [1-9]\d*: ") as error:
        rows_of(body, InputFormat.JSONL)
    assert reason in str(error.value)


def test_compression_bomb_is_one_too_long_line() -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = engine.compress(b'{"prompt": "a"}\n') + b"".join(engine.compress(b"a" * 2**20) for _ in range(300))
    rows = rows_of(bomb + engine.flush(), InputFormat.JSONL)
    assert [row.error_class for row in rows] == [None, "too_long"]
    assert "longer than" in rows[1].error


BOMB_BYTES = 64 * 2**20


def gzip_bomb() -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(engine.compress(bytes(2**20)) for _ in range(BOMB_BYTES // 2**20)) + engine.flush()


def zstd_bomb() -> bytes:
    """Return frames of repeated-byte blocks: three bytes of header and one of content make 128 KiB."""
    header = b"\x28\xb5\x2f\xfd\x00\x58"  # no content size, no checksum, a window of 2 MiB
    block = (128 * 1024 << 3 | 1 << 1).to_bytes(3, "little") + b"a"
    last = (0 << 3 | 0 << 1 | 1).to_bytes(3, "little")
    return header + block * (BOMB_BYTES // (128 * 1024)) + last


@pytest.mark.parametrize(
    ("body", "most"), [(gzip_bomb(), 2**20 + 2**16), (zstd_bomb(), 32 * 2**20)], ids=["gzip", "zstd"]
)
def test_a_small_body_is_unpacked_in_pieces_of_bounded_size(body: bytes, most: int) -> None:
    assert len(body) < 2**20
    sizes = [len(piece) for piece in plain_chunks(iter([body]))]
    assert (sum(sizes), max(sizes) <= most) == (BOMB_BYTES, True)


@pytest.mark.parametrize("content", [b"", b"x"])
def test_many_small_gzip_members_cost_no_more_than_their_bytes(content: bytes) -> None:
    """One character in each member of one long line: 26 seconds for 8 MB before."""
    body = gzip.compress(content) * 200_000
    chunks = iter([body[start : start + 2**18] for start in range(0, len(body), 2**18)])
    started = time.process_time()
    lines = list(split_lines(plain_chunks(chunks), 2**23))
    assert b"".join(line.raw for line in lines) == content * 200_000
    assert time.process_time() - started < 3
