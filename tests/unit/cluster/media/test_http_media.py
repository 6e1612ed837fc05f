"""Downloads: from the named hosts only, from public addresses only, bounded in bytes and time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.resolver import ThreadedResolver

from fakes.media_rows import media
from llmbatch.cluster.media.http_media import HttpMedia
from llmbatch.core.errors import RowError

MOST = 1000
HOST = "pictures.example"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Names:
    """A name server. Each question about a name has the next answer, the last one again and again."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers, self.questions = {name.replace("_", "."): each for name, each in answers.items()}, 0

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        self.questions += 1
        answers = self.answers[host]
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in address.split()
        ]


async def download(
    http: HttpMedia, handler: Handler, path: str = "/x.png", host: str = HOST, seconds: float = 5.0
) -> bytes:
    """Start a server, and read from it under the name of a host."""
    app = web.Application()
    app.router.add_get("/{name}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with asyncio.timeout(seconds):
            return await http.read(media(f"http://{host}:{port}{path}"), MOST)
    finally:
        await http.close()
        await runner.cleanup()


def anywhere(address: str) -> None:
    """Let the local server of a test pass."""


def run(
    handler: Handler,
    monkeypatch: pytest.MonkeyPatch,
    *,
    host: str = HOST,
    require: Callable[[str], None] | None = anywhere,
    seconds: float = 5.0,
    pauses: tuple[float, ...] = (),
    names: Names | None = None,
) -> bytes:
    names = names or Names(pictures_example=["127.0.0.1"])
    monkeypatch.setattr(ThreadedResolver, "resolve", lambda _, *args, **given: names.resolve(*args, **given))
    given = {} if require is None else {"require": require}
    http = HttpMedia((host.strip("[]"),), seconds, pauses=pauses, **given)
    return asyncio.run(download(http, handler, host=host))


async def picture(request: web.Request) -> web.Response:
    return web.Response(body=b"picture")


def answering(**given: Any) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(**given)

    return handler


def test_a_named_host_is_read_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(picture, monkeypatch) == b"picture"


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (answering(status=302, headers={"Location": "http://127.0.0.1/"}), "redirects, which is not followed"),
        (answering(status=404), "answers with status 404"),
        (answering(status=503), "answers with status 503"),
        (answering(body=b""), "sends nothing"),
        (answering(body=b"x" * (MOST + 1)), "sends more than 1000 bytes"),
    ],
)
def test_answers_without_the_file(monkeypatch: pytest.MonkeyPatch, handler: Handler, expected: str) -> None:
    with pytest.raises(RowError, match=rf"\.image_url\.url: {HOST} {expected}") as caught:
        run(handler, monkeypatch)
    assert "x.png" not in caught.value.message, "a URL may hold a signature"


def test_a_body_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await answer.write(b"x" * 100)
        return answer

    with pytest.raises(RowError, match="sends more than 1000 bytes"):
        run(endless, monkeypatch)


def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            for _ in range(1000):
                await answer.write(b"x")
                await asyncio.sleep(0.01)
        return answer

    with pytest.raises(RowError, match=r"has not sent it within 0\.2 s"):
        run(slow, monkeypatch, seconds=0.2)


def test_a_body_shorter_than_stated_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lying(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "500"})
        await answer.prepare(request)
        await answer.write(b"x" * 100)
        assert request.transport is not None
        request.transport.close()
        return answer

    with pytest.raises(RowError, match=r"cannot be read from \(ClientPayloadError\)"):
        run(lying, monkeypatch)


def test_a_packed_body_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = answering(body=b"\x1f\x8b small", headers={"Content-Encoding": "gzip"})
    assert run(packed, monkeypatch) == b"\x1f\x8b small"


def test_what_may_pass_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = [503, 429, 200]

    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=statuses.pop(0), body=b"picture")

    assert run(busy, monkeypatch, pauses=(0.0, 0.0)) == b"picture"


@pytest.mark.parametrize(
    "names",
    [
        Names(pictures_example=["127.0.0.1"]),
        Names(pictures_example=["169.254.169.254 10.0.0.1"]),
        Names(pictures_example=["::ffff:7f00:1"]),
        Names(pictures_example=["2130706433"]),
    ],
)
def test_a_name_of_a_private_address(monkeypatch: pytest.MonkeyPatch, names: Names) -> None:
    with pytest.raises(RowError, match=f"{HOST} has no public address"):
        run(picture, monkeypatch, require=None, names=names)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "[::1]", "[::ffff:7f00:1]", "0", "0.0.0.0", "127.1"])
def test_an_address_in_the_place_of_a_name(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    names = Names(**{host.replace(".", "_"): ["127.0.0.1"]})
    with pytest.raises(RowError, match=r"has no public address|cannot be read from \(InvalidUrlClientError\)"):
        run(picture, monkeypatch, host=host, require=None, names=names)


def test_a_name_that_changes_its_address_is_checked_where_it_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first download goes to an address that the rule allows, and later answers cannot lead to another one."""
    names = Names(pictures_example=["127.0.0.1", "127.0.0.2"])
    connected: list[str] = []
    assert run(picture, monkeypatch, require=connected.append, names=names) == b"picture"
    assert (connected, names.questions) == (["127.0.0.1"], 1)


@pytest.mark.parametrize(
    ("url", "domains", "expected"),
    [
        ("http://evil.example/x", (HOST,), "'evil.example' is not in media_domains of config.yaml"),
        (f"http://{HOST}.evil.example/x", (HOST,), "is not in media_domains"),
        (f"http://a.{HOST}/x", (HOST,), "is not in media_domains"),
        (f"http://bad{HOST}/x", (f".{HOST}",), "is not in media_domains"),
        (f"http://{HOST}@evil.example/x", (HOST,), "has a user or password"),
        (f"http://evil.example#@{HOST}/x", (HOST,), "'evil.example' is not in media_domains"),
        (f"http://evil.example\\@{HOST}/x", (HOST,), "is not"),
        (f"https://{HOST}/x", (), "which is empty"),
        ("http:///x", (HOST,), "is not"),
        ("http://[::1/x", (HOST,), "is not a URL"),
        (f"http://{HOST}:99999/x", (HOST,), "is not a URL"),
    ],
)
def test_hosts_that_are_not_named(url: str, domains: tuple[str, ...], expected: str) -> None:
    with pytest.raises(RowError, match=expected):
        asyncio.run(HttpMedia(domains, 5.0).read(media(url), MOST))


@pytest.mark.parametrize("domains", [(HOST,), ("PICTURES.example.",), (".example",)])
def test_hosts_that_are_named(monkeypatch: pytest.MonkeyPatch, domains: tuple[str, ...]) -> None:
    names = Names(pictures_example=["127.0.0.1"])
    monkeypatch.setattr(ThreadedResolver, "resolve", lambda _, *args, **given: names.resolve(*args, **given))
    http = HttpMedia(domains, 5.0, require=anywhere, pauses=())
    assert asyncio.run(download(http, picture, host="Pictures.Example")) == b"picture"
