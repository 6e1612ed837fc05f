"""The size of an image, read from its header, so that nothing is decoded that is too large."""

from __future__ import annotations

import io

from llmbatch.cluster.media.media import Media

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Of what Pillow reads, what people send; others are old or need other programs."""


def pixels(media: Media, data: bytes) -> int:
    """Return width times height.

    Raises:
        RowError: the data is no image of a known format.
    """
    # Here, because a process without images needs none of it.
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return image.width * image.height
    except UnidentifiedImageError:
        raise media.refused("holds no image that is known here", f"Use one of {', '.join(FORMATS)}") from None
    except Exception as error:  # a damaged header raises whatever its reader meets
        raise media.refused(f"holds an image that cannot be read ({type(error).__name__})", "Send it again") from None
