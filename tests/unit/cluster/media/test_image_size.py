"""Sizes come from headers: an image that would fill the memory is never decoded."""

from __future__ import annotations

import pytest

from fakes.media_rows import media, png
from llmbatch.cluster.media.image_size import pixels
from llmbatch.core.errors import RowError

ONE = media("s3://b/x.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_header_counts() -> None:
    assert pixels(ONE, png(3, 2)) == 6
    assert pixels(ONE, png(declared=(12_000, 12_000))) == 144_000_000


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<html>not found</html>", "no image that is known here. Use one of AVIF, BMP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image that is known here"),
        (png()[:20], r"cannot be read \(OSError\)"),
        (png(declared=(60_000, 60_000)), r"cannot be read \(DecompressionBombError\)"),
    ],
)
def test_refused(data: bytes, expected: str) -> None:
    with pytest.raises(RowError, match=expected):
        pixels(ONE, data)
