"""``data:`` URLs: checked and taken apart, and made."""

from __future__ import annotations

import base64
import binascii

from llmbatch.cluster.media.media import Media

_FRAMES = "video/jpeg"
"""Under this media type vLLM takes several JPEG images, one after the other with commas between them."""


def made(data: bytes) -> str:
    """Return data as a ``data:`` URL. The engine recognises a format by its first bytes, not by a media type."""
    return "data:application/octet-stream;base64," + base64.b64encode(data).decode("ascii")


def has_frames(media: Media) -> bool:
    """Whether a film is a ``data:`` URL of JPEG images."""
    return media.kind == "video" and media.address[5:].partition(",")[0].partition(";")[0].lower() == _FRAMES


def pieces(media: Media, most: int) -> list[bytes]:
    """Return the data of a ``data:`` URL: one piece, or the frames of a film of JPEG images.

    Args:
        media: has the URL as its address.
        most: bytes that it may have.

    Raises:
        RowError: it has more, or is not base64.
    """
    head, comma, text = media.address[5:].partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise media.refused("is a data: URL without ;base64", "Write data:<media type>;base64,<data>")
    size = len(text) // 4 * 3 - text[-2:].count("=")
    if size > most:
        raise media.refused(f"has {size} bytes, and {most} are the limit", "Send less")
    parts = text.split(",") if has_frames(media) else [text]
    try:
        found = [base64.b64decode(part, validate=True) for part in parts]
    except (binascii.Error, ValueError):  # of text beyond ASCII it is a ValueError
        raise media.refused("is not base64", "Encode the whole file, without line breaks") from None
    if not all(found):
        raise media.refused("has no data", "Encode the whole file")
    return found
