"""Media by ``http(s)://`` address, from hosts that config.yaml names, at public addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from llmbatch.cluster.media.media import Media
from llmbatch.cluster.media.public_address import NotPublicError, require_public
from llmbatch.core.addresses import is_host_of

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from yarl import URL

    AddrInfo = tuple[int, int, int, str, tuple[object, ...]]

PAUSES = (1.0, 4.0)
"""Seconds before a download is tried again that failed for a reason that may pass."""

_CHUNK = 2**16
_HEADERS = {"Accept-Encoding": "identity"}
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_OK, _REDIRECTS = 200, range(300, 400)


class _MayPass(Exception):
    """A download failed for a reason that may pass."""


class HttpMedia:
    """Downloads from some hosts. No proxy and no cookie is used, and no redirect is followed.

    An address is checked as the socket gets it that connects to it, so that no second answer of a name server, no
    spelling of an address and no reading of a URL leads elsewhere.

    Args:
        domains: hosts in ASCII; one with a leading dot stands for all hosts below it.
        seconds: time for one download, with its repetitions.
        require: raises ``NotPublicError`` for an address that no socket may connect to.
        pauses: seconds before each repetition.
    """

    def __init__(
        self,
        domains: tuple[str, ...],
        seconds: float,
        *,
        require: Callable[[str], None] = require_public,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._domains = tuple(domain.lower().rstrip(".") for domain in domains)
        self._seconds, self._require, self._pauses = seconds, require, pauses
        self._session: ClientSession | None = None

    async def read(self, media: Media, most: int) -> bytes:
        """Return the body of the response, which may have so many bytes.

        Raises:
            RowError: the host is not allowed or not public, or does not answer with such a body in time.
        """
        url = self._allowed(media)
        try:
            async with asyncio.timeout(self._seconds):
                for pause in (*self._pauses, None):
                    try:
                        return await self._downloaded(media, url, most)
                    except _MayPass as error:
                        if pause is None:
                            raise media.refused(f"{url.host} {error}", "Copy the file to the store") from None
                        await asyncio.sleep(pause)
        except TimeoutError:
            pass
        raise media.refused(f"{url.host} has not sent it within {self._seconds:g} s", "Copy the file to the store")

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _allowed(self, media: Media) -> URL:
        from yarl import URL

        try:
            url = URL(media.address)
            host = (url.raw_host or "").lower().rstrip(".")
        except ValueError:
            raise media.refused("is not a URL", "Correct it") from None
        if url.user is not None or url.password is not None:
            raise media.refused("has a user or password in its URL", "Remove it, or copy the file to the store")
        if is_host_of(host, self._domains):
            return url
        raise media.refused(
            f"{host!r} is not in media_domains of config.yaml ({', '.join(self._domains) or 'which is empty'})",
            "Copy the file to the store and use s3://, or send it as a data: URL",
        )

    async def _downloaded(self, media: Media, url: URL, most: int) -> bytes:
        from aiohttp import ClientError

        try:
            async with self._opened().get(url, allow_redirects=False, headers=_HEADERS) as answer:
                _require_file(media, url, answer.status)
                return await _body(media, url, answer.content.iter_chunked(_CHUNK), most)
        except (ClientError, OSError) as error:
            if isinstance(getattr(error, "os_error", error), NotPublicError):
                raise media.refused(f"{url.host} has no public address", "Copy the file to the store") from None
            raise _MayPass(f"cannot be read from ({type(error).__name__})") from None

    def _opened(self) -> ClientSession:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=32, limit_per_host=8, socket_factory=self._socket),
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _socket(self, info: AddrInfo) -> socket.socket:
        """Make the socket for one address of a host, if it may connect to that."""
        family, kind, protocol, _, address = info
        self._require(str(address[0]))
        return socket.socket(family, kind, protocol)


def _require_file(media: Media, url: URL, status: int) -> None:
    """Check the status of an answer: it has to come with the file."""
    if status in _BUSY:
        raise _MayPass(f"answers with status {status}")
    if status in _REDIRECTS:
        raise media.refused(f"{url.host} redirects, which is not followed", "Use the final address")
    if status != _OK:
        raise media.refused(f"{url.host} answers with status {status}", "Correct the address")


async def _body(media: Media, url: URL, chunks: AsyncIterator[bytes], most: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise media.refused(f"{url.host} sends more than {most} bytes", "Send a smaller file")
    if not body:
        raise media.refused(f"{url.host} sends nothing", "Correct the address")
    return bytes(body)
