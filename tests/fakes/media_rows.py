"""Bodies with media, and images, for tests."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

from llmbatch.cluster.media.media import Media, media_of


def png(width: int = 3, height: int = 2, *, declared: tuple[int, int] | None = None) -> bytes:
    """Return a grey image; ``declared`` is the size that its header states."""
    size = struct.pack(">II", *(declared or (width, height)))
    return _png_file(size + b"\x08\0\0\0\0", (b"\0" + b"\x80" * width) * height)


def painted(color: tuple[int, int, int], width: int = 40, height: int = 24) -> bytes:
    """Return an image of one colour."""
    return _png_file(struct.pack(">II", width, height) + b"\x08\x02\0\0\0", (b"\0" + bytes(color) * width) * height)


def _png_file(header: bytes, rows: bytes) -> bytes:
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def chat(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a chat whose second message has these parts, after a text."""
    user = {"role": "user", "content": [{"type": "text", "text": "what is it?"}, *parts]}
    return {"messages": [{"role": "system", "content": "be short"}, user]}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def media(url: str, key: str = "image_url") -> Media:
    """Return the media of a chat with one part."""
    found, _ = media_of(chat({"type": key, key: {"url": url}}))
    return found[0]
