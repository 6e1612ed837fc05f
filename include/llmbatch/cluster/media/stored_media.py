"""Media by ``s3://`` address."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import ParamSpec, Protocol, TypeVar

from llmbatch.cluster.media.media import Media
from llmbatch.core.addresses import checked_address, is_under
from llmbatch.core.errors import InputChanged, ObjectMissing, StoreDenied
from llmbatch.core.store import ObjectStore

DENIED_PAUSE = 5.0
"""Seconds until the store, which may have been starting, is tried once more after it denied a read."""

P = ParamSpec("P")
T = TypeVar("T")


class StoreCalls(Protocol):
    """Runs blocking calls of the store on a thread, and repeats them while the store fails."""

    async def call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the call returns. Raises ``StoreError`` once the store has failed for too long."""


class StoredMedia:
    """Reads objects under some prefixes.

    Few reads run at a time, for the threads are those that commit results, too.

    Args:
        store: has the objects.
        calls: runs the reads.
        prefixes: below which objects may be read; None: wherever the store's key can.
        closed: prefix below which none may be read all the same; empty: there is none.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        store: ObjectStore,
        calls: StoreCalls,
        prefixes: tuple[str, ...] | None,
        *,
        closed: str = "",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._calls, self._sleep = store, calls, sleep
        self._prefixes, self._closed = prefixes, closed
        self._places = asyncio.Semaphore(min(16, (os.cpu_count() or 1) + 2))

    async def read(self, media: Media, most: int) -> bytes:
        """Return the object, which may have so many bytes.

        Raises:
            RowError: its address is not allowed, or it is missing, denied, empty or too large.
            StoreError: the store failed for too long; the row is not at fault.
        """
        self._require_allowed(media)
        data = await self._placed(media, most)
        if data is None:
            await self._sleep(DENIED_PAUSE)
            data = await self._placed(media, most)
        if data is None:
            raise media.refused(f"the store denied {media.address}", "Let the job's key read it, or correct it")
        return data

    def _require_allowed(self, media: Media) -> None:
        try:
            uri = checked_address(media.address)
        except ValueError as error:
            raise media.refused(f"{media.address}: {error}", "Correct the address") from None
        if self._closed and is_under(uri, self._closed):
            raise media.refused(
                f"{uri} is under store.base_uri, where the folders of all jobs are", "Copy it elsewhere"
            )
        if self._prefixes is None or any(is_under(uri, prefix) for prefix in self._prefixes):
            return
        allowed = ", ".join(self._prefixes) or "nothing"
        raise media.refused(f"{uri} is outside of store.allowed_inputs ({allowed})", "Copy it there")

    async def _placed(self, media: Media, most: int) -> bytes | None:
        async with self._places:
            return await self._calls.call(self._get, media, most)

    def _get(self, media: Media, most: int) -> bytes | None:
        """Return the object, or None if the store denied it: that is not an outage, which would be waited out."""
        uri = media.address
        try:
            found = self._store.head(uri)
            if not 0 < found.size <= most:
                raise media.refused(f"{uri} has {found.size} bytes; 1 to {most} are allowed", "Send another object")
            return self._store.read_range(uri, found.etag, 0, found.size)
        except ObjectMissing:
            raise media.refused(f"{uri} does not exist", "Upload it, or correct the address") from None
        except InputChanged:
            raise media.refused(f"{uri} was replaced while it was read", "Run the row again") from None
        except StoreDenied:
            return None
