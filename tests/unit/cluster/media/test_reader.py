"""A row with media gets them as ``data:`` URLs; a row without costs nothing; one that may not have them fails alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import pytest

from fakes.media_rows import chat, data_url, image, media, png
from llmbatch.cluster.media import data_url as made
from llmbatch.cluster.media.http_media import HttpMedia
from llmbatch.cluster.media.limits import MediaLimits
from llmbatch.cluster.media.media import Media
from llmbatch.cluster.media.reader import MediaReader
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import MemoryStore

P = ParamSpec("P")
T = TypeVar("T")


class AtOnce:
    async def call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)


class Web(HttpMedia):
    """Has the same file under every address."""

    def __init__(self, body: bytes) -> None:
        super().__init__(("pictures.example",), 1.0)
        self.body, self.is_closed = body, False

    async def read(self, media: Media, most: int) -> bytes:
        return self.body

    async def close(self) -> None:
        self.is_closed = True


def inlined(body: dict[str, Any], limits: MediaLimits | None = None, stored: bytes = png()) -> Any:
    store = MemoryStore()
    store.put("s3://b/in/x", stored)
    reader = MediaReader(
        store,
        AtOnce(),
        prefixes=("s3://b/in",),
        domains=("pictures.example",),
        closed="s3://b/in/jobs",
        limits=limits,
        http=Web(png()),
    )
    return asyncio.run(reader.inlined(body))


TEXT = chat({"type": "text", "text": "x"})


def test_a_body_without_media_is_returned_itself_in_microseconds() -> None:
    assert inlined(TEXT) is TEXT
    reader = MediaReader(MemoryStore(), AtOnce(), prefixes=(), domains=())

    async def many() -> float:
        began = time.perf_counter()
        for _ in range(1000):
            await reader.inlined(TEXT)
        return (time.perf_counter() - began) / 1000

    assert min(asyncio.run(many()) for _ in range(5)) < 50e-6


@pytest.mark.parametrize("url", ["s3://b/in/x", "https://pictures.example/x", "HTTPS://pictures.example/x"])
def test_addresses_become_data(url: str) -> None:
    body = chat(image(url), {"type": "text", "text": "and?"})
    assert inlined(body) == chat(image(made.made(png())), {"type": "text", "text": "and?"})
    assert body == chat(image(url), {"type": "text", "text": "and?"})


def test_data_is_checked_and_stays() -> None:
    body = chat(image(data_url(png())), {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}})
    assert inlined(body) is body


def test_a_clip_for_transcription() -> None:
    assert inlined({"file_url": "s3://b/in/x"}, stored=b"RIFF")["file_url"] == made.made(b"RIFF")


def test_a_uuid_never_reaches_the_engine() -> None:
    part = {"type": "image_url", "image_url": data_url(png()), "uuid": "one that others use"}
    assert inlined(chat(part)) == chat(image(data_url(png())) | {"uuid": None})


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a file": (chat(image("file:///etc/passwd")), "is not an address that rows may name"),
    "ftp": (chat(image("ftp://pictures.example/x")), "is not an address that rows may name"),
    "no scheme": (chat(image("/etc/passwd")), "is not an address that rows may name"),
    "a host": (chat(image("//pictures.example/x")), "is not an address that rows may name"),
    "another prefix": (chat(image("s3://b/other/x")), "outside of store.allowed_inputs"),
    "another job": (chat(image("s3://b/in/jobs/x")), "is under store.base_uri"),
    "no image": (chat(image(data_url(b"<html>"))), "no image that is known here"),
    "no base64": (chat({"input_audio": {"data": "*", "format": "wav"}}), "is not base64"),
    "too many": (chat(*[image(data_url(png()))] * 3), "the row has 3 images, clips and films; 2 are the limit"),
    "a large one": (chat(image(data_url(png() + b"x" * 200))), "and 200 are the limit"),
    "large together": (
        chat(image(data_url(png() + b"x" * 100)), image(data_url(png() + b"x" * 100))),
        "are the limit",
    ),
    "many pixels": (chat(image(data_url(png(declared=(200, 51))))), "too many bytes or pixels"),
    "many together": (
        chat(*[image(data_url(png(declared=(100, 60))))] * 2),
        r"messages\[1\]\.content\[2\].*too many bytes or pixels",
    ),
    "a frame of a film": (
        chat({"type": "video_url", "video_url": {"url": data_url(png(declared=(200, 51)), "video/jpeg")}}),
        "too many bytes or pixels",
    ),
}
SMALL = MediaLimits(items=2, item_bytes=200, row_bytes=300, row_pixels=10_000)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    body, expected = REFUSED[name]
    with pytest.raises(RowError, match=expected) as caught:
        inlined(body, SMALL)
    assert caught.value.error_class is ErrorClass.INVALID
    assert caught.value.message.startswith("messages[1].content[")


def test_the_connections_are_closed() -> None:
    web = Web(b"")
    asyncio.run(MediaReader(MemoryStore(), AtOnce(), prefixes=(), domains=(), http=web).close())
    assert web.is_closed


def test_the_name_of_a_place_is_as_a_user_writes_it() -> None:
    assert media("s3://b/x").where == "messages[1].content[1].image_url.url"
