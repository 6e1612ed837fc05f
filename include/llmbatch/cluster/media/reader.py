"""Puts the media that a row points to into its request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue

from llmbatch.cluster.media import data_url
from llmbatch.cluster.media.http_media import HttpMedia
from llmbatch.cluster.media.image_size import pixels
from llmbatch.cluster.media.limits import MediaLimits
from llmbatch.cluster.media.media import Media, Path, media_of, with_values
from llmbatch.cluster.media.stored_media import StoreCalls, StoredMedia
from llmbatch.core.store import ObjectStore


@dataclass(slots=True)
class _Left:
    """What the rest of a row's media may have."""

    nbytes: int
    pixels: int


class MediaReader:
    """Reads the media of rows, for one event loop. The media of one row are read one after the other.

    Args:
        store: has what ``s3://`` addresses name.
        calls: runs calls of the store, as ``storage.patience.Patience`` does.
        prefixes: ``s3://`` prefixes below which rows may name objects; None: wherever the store's key can read.
        closed: prefix below which they may not, whatever ``prefixes`` has: where the folders of jobs are.
        domains: hosts from which http(s) addresses may be; none of others is fetched.
        limits: what the media of one row may cost.
    """

    def __init__(
        self,
        store: ObjectStore,
        calls: StoreCalls,
        *,
        prefixes: tuple[str, ...] | None,
        domains: tuple[str, ...],
        closed: str = "",
        limits: MediaLimits | None = None,
        http: HttpMedia | None = None,
    ) -> None:
        self._limits = limits or MediaLimits()
        self._stored = StoredMedia(store, calls, prefixes, closed=closed)
        self._http = http or HttpMedia(domains, self._limits.http_seconds)

    async def inlined(self, body: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Return a body whose media are all ``data:`` URLs; a body without media is returned itself.

        What was read is checked in size, and an image by its header. A ``uuid`` beside media is dropped: the engine
        would take it as the name of media that it has already, and rows of others may have used the same one.

        Raises:
            RowError: INVALID, naming the part: its media cannot be used.
            StoreError: the store failed for too long; the row is not at fault.
        """
        found, labels = media_of(body)
        if not found and not labels:
            return body
        if len(found) > self._limits.items:
            raise found[self._limits.items].refused(
                f"the row has {len(found)} images, clips and films; {self._limits.items} are the limit", "Send fewer"
            )
        left = _Left(self._limits.row_bytes, self._limits.row_pixels)
        values: dict[Path, JsonValue] = dict.fromkeys(labels)
        for media in found:
            url = await self._data_url(media, left)
            if not media.stays:
                values[media.path] = media.value(url)
        return cast("dict[str, JsonValue]", with_values(body, values)) if values else body

    async def close(self) -> None:
        """Close the connections to hosts."""
        await self._http.close()

    async def _data_url(self, media: Media, left: _Left) -> str:
        most = min(self._limits.item_bytes, left.nbytes)
        scheme = media.address.partition(":")[0].lower()
        if scheme == "data":
            return await asyncio.to_thread(_checked, media, most, left)
        if scheme == "s3":
            data = await self._stored.read(media, most)
        elif scheme in {"http", "https"}:
            data = await self._http.read(media, most)
        else:
            raise media.refused(
                "is not an address that rows may name", "Use a data: URL, s3://, or https:// of a host in media_domains"
            )
        return await asyncio.to_thread(_made, media, data, left)


def _checked(media: Media, most: int, left: _Left) -> str:
    """Check a ``data:`` URL, and return it. Runs on a thread, as a large one takes a while."""
    _take(media, data_url.pieces(media, most), left)
    return media.address


def _made(media: Media, data: bytes, left: _Left) -> str:
    _take(media, [data], left)
    return data_url.made(data)


def _take(media: Media, pieces: list[bytes], left: _Left) -> None:
    """Take what the pieces cost from what is left.

    Raises:
        RowError: it is not that much, or a piece is no image and has to be one.
    """
    left.nbytes -= sum(len(piece) for piece in pieces)
    if media.kind == "image" or data_url.has_frames(media):
        left.pixels -= sum(pixels(media, piece) for piece in pieces)
    if left.nbytes < 0 or left.pixels < 0:
        raise media.refused("the media of the row, up to this, are too many bytes or pixels", "Send smaller ones")
