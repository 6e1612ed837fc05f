"""What the media of one row may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Bounds of what a row brings or points to.

    Attributes:
        items: images, clips and films of a row.
        item_bytes: bytes of one of them.
        row_bytes: bytes of all of them.
        row_pixels: pixels of all images of a row, by their headers; a pixel has 3 bytes once it is decoded.
        http_seconds: time for one download, with its repetitions.
    """

    items: int = 64
    item_bytes: int = 32 * 2**20
    row_bytes: int = 96 * 2**20
    row_pixels: int = 2**27
    http_seconds: float = 60.0
