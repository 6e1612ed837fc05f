"""Text of other encodings as UTF-8 bytes, chunk by chunk."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from llmbatch.core.request_options import CsvEncoding


def as_utf8(chunks: Iterator[bytes], encoding: CsvEncoding) -> Iterator[bytes]:
    """Yield the text as UTF-8. What the encoding does not define stays invalid, so that only its line fails.

    Raises:
        UnicodeDecodeError: the text ends within a character.
    """
    # UTF-16 has units, not bytes: its invalid ones are halves of surrogate pairs.
    errors = "surrogatepass" if encoding == "utf-16" else "surrogateescape"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", errors)
    yield decoder.decode(b"", final=True).encode("utf-8", errors)
