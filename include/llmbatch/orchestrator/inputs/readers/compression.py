"""Gzip and zstd, recognised by their first bytes, decompressed in pieces of bounded size."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import chain

import zstandard

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_OUTPUT_BYTES = 1024 * 1024
_MEMBER_BYTES = 4 * 1024
"""A gzip member takes 20 bytes, and what follows it is copied: so much is handed over at once."""
_CHUNK_BYTES = 64 * 1024
"""Smallest piece that is passed on, for a reader may copy what it holds for every piece."""
_ZSTD_INPUT_BYTES = 1024
"""A zstd block of 4 bytes can hold 128 KiB, and its decoder has no output limit: 1 KiB of input is at most 32 MiB."""


class BrokenStream(Exception):
    """Compressed data that is damaged or ends too early; the reader turns it into a row or an error."""


def plain_chunks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the unpacked bytes of gzip or zstd data (of several members too), or the chunks as they are.

    Raises:
        BrokenStream: after everything before the damage was yielded.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(ZSTD_MAGIC):
            break
    whole = chain((head,), chunks) if head else iter(())
    if head.startswith(GZIP_MAGIC):
        return _joined(_gunzip(_cut(whole)))
    if head.startswith(ZSTD_MAGIC):
        return _joined(_unzstd(whole))
    return whole


def _cut(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _MEMBER_BYTES):
            yield chunk[start : start + _MEMBER_BYTES]


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the bytes in pieces that are not tiny; before an error, what came before it."""
    waiting: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if size >= _CHUNK_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
    except BrokenStream:
        if waiting:
            yield b"".join(waiting)
        raise
    if waiting:
        yield b"".join(waiting)


def _gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    member = zlib.decompressobj(31)
    begun = False
    try:
        for chunk in chunks:
            data = chunk if begun else chunk.lstrip(b"\0")
            while data:
                begun = True
                out = member.decompress(data, _OUTPUT_BYTES)
                if out:
                    yield out
                data = member.unconsumed_tail
                if member.eof:
                    data = member.unused_data.lstrip(b"\0")  # members may be padded with zeros
                    member, begun = zlib.decompressobj(31), False
        yield member.flush()
    except zlib.error as error:
        raise BrokenStream(f"the gzip data is damaged ({error})") from error
    if begun and not member.eof:
        raise BrokenStream("the gzip data ends too early")


def _unzstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor()
    frame = None
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), _ZSTD_INPUT_BYTES):
                data = chunk[start : start + _ZSTD_INPUT_BYTES]
                while data:
                    frame = frame or decompressor.decompressobj()
                    out = frame.decompress(data)
                    if out:
                        yield out
                    if not frame.eof:
                        break
                    data, frame = frame.unused_data, None
    except zstandard.ZstdError as error:
        raise BrokenStream(f"the zstd data is damaged ({error})") from error
    if frame is not None:
        raise BrokenStream("the zstd data ends too early")
