"""Forms that arrive in pieces of any size."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.types import Message

from llmbatch.gateway.openai.files_form import FIELD_BYTES, FIELDS, UploadForm, read_form
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.wire.failures import Failure

KIND = b"multipart/form-data; boundary=x"


def part(name: str, value: bytes, more: str = "") -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


FORM = part("purpose", b"batch") + part("file", b"a\r\n--y\r\nb", '; filename="\u00fc.jsonl"') + b"--x--\r\n"


def request(pieces: Iterator[bytes] | list[bytes], kind: bytes = KIND, length: int | None = None) -> Request:
    left = iter(pieces)

    async def receive() -> Message:
        piece = next(left, None)
        if piece == b"hang up":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    headers = [(b"content-type", kind)]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


def read(given: Request, *, most: int = 1000) -> tuple[UploadForm, bytes]:
    with Spool() as spool:
        return asyncio.run(read_form(given, spool, part="file", most=most)), spool.head(10_000)


def refusal(given: Request, *, most: int = 1000) -> Failure:
    with pytest.raises(Failure) as found:
        read(given, most=most)
    return found.value


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_pieces_of_any_size_make_the_same_form(size: int) -> None:
    form, content = read(request([FORM[at : at + size] for at in range(0, len(FORM), size)]))
    assert form == UploadForm({"purpose": "batch"}, "ü.jsonl")
    assert content == b"a\r\n--y\r\nb"


def test_a_file_may_have_the_limit_exactly() -> None:
    body = part("file", b"x" * 1000) + b"--x--"
    assert read(request([body]))[1] == b"x" * 1000
    assert refusal(request([part("file", b"x" * 1001) + b"--x--"])).status == 413


def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    assert refusal(request([b"not read"], length=1000 + 2**20 + 1)).status == 413


def test_a_long_body_is_refused_when_it_passes_the_limit_and_held_in_pieces() -> None:
    sent = []

    def long() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        for _ in range(2000):
            sent.append(1)
            yield b"x" * 2**16

    tracemalloc.start()
    try:
        assert refusal(request(long()), most=64 * 2**20).status == 413
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(sent) == 1025
    assert peak < 8 * 2**20


def test_what_is_around_the_file_is_bounded() -> None:
    assert refusal(request(b"\r\n" * 2**15 for _ in range(10**6))).status in (400, 413)
    after = (piece for piece in [FORM, *[b"x" * 2**16] * 100])
    assert refusal(request(after)).status == 413
    assert refusal(request([part("more", b"x" * (FIELD_BYTES + 1)) + FORM])).param == "more"
    many = b"".join(part(f"f{n}", b"") for n in range(FIELDS))
    assert "more than 64 fields" in refusal(request([many + FORM])).message
    assert refusal(request([b"--x\r\n" + b"h" * 2**16])).status == 400


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"{}", b"application/json", "multipart/form-data, in a part with the name 'file'"),
        (FORM, b"multipart/form-data", "multipart/form-data, in a part"),
        (b"no boundary", KIND, "not valid"),
        (FORM[:-6], KIND, "ends before its last"),
        (b"", KIND, "ends before its last"),
        (part("purpose", b"batch") + b"--x--", KIND, "Missing required parameter: 'file'"),
        (part("purpose", b"a") + FORM, KIND, "two fields with the name 'purpose'"),
        (part("file", b"a") + FORM, KIND, "two parts with the name 'file'"),
        (b"--x\r\nA: b\r\n\r\nc\r\n--x--", KIND, "no name"),
    ],
)
def test_another_body_is_refused_with_a_reason(body: bytes, kind: bytes, words: str) -> None:
    failure = refusal(request([body], kind))
    assert (failure.status, words in failure.message) == (400, True), failure.message


def test_a_lost_connection_ends_the_upload() -> None:
    assert refusal(request([FORM[:100], b"hang up"])).status == 400
