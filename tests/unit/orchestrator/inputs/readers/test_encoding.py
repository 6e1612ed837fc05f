"""Other encodings as UTF-8."""

from __future__ import annotations

import pytest

from llmbatch.core.request_options import CsvEncoding
from llmbatch.orchestrator.inputs.readers.encoding import as_utf8


def utf8(body: bytes, encoding: CsvEncoding) -> bytes:
    return b"".join(as_utf8(iter([body[:3], body[3:4], body[4:]]), encoding))


@pytest.mark.parametrize("encoding", ["utf-16", "windows-1252", "iso-8859-1", "gb18030"])
def test_text_is_the_same_wherever_chunks_are_cut(encoding: CsvEncoding) -> None:
    assert utf8("é,à\nü".encode(encoding), encoding).decode() == "é,à\nü"
    assert utf8("表,ソ".encode("shift_jis"), "shift_jis").decode() == "表,ソ"


@pytest.mark.parametrize(
    ("body", "encoding"), [(b"a\x81b\n", "windows-1252"), (b"\xff\xfea\x00\x00\xd8b\x00\n\x00", "utf-16")]
)
def test_what_the_encoding_does_not_define_stays_invalid_in_its_place(body: bytes, encoding: CsvEncoding) -> None:
    found = utf8(body, encoding)
    assert (found[:1], found[-2:]) == (b"a", b"b\n")
    with pytest.raises(UnicodeDecodeError):
        found.decode()


def test_text_that_ends_within_a_character_is_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        utf8(b"\xff\xfea\x00b", "utf-16")
