"""The object store that all rooms share: a protocol, and a fake in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Protocol

from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.errors import InputChanged, ObjectChanged, ObjectExists, ObjectMissing


@dataclass(frozen=True)
class ObjectInfo:
    """One stored object: address, ETag without quotes, size in bytes.

    ``modified`` is the store's time of the last write; the answer to a write does not have it.
    """

    uri: str
    etag: str
    size: int
    modified: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class AgedBody:
    """An object's bytes, and the seconds since its last write by the store's own clock; None: not reported.

    ``at`` is the store's time of the answer, to the second.
    """

    body: bytes
    age: float | None
    at: datetime | None = field(default=None, compare=False)


class ObjectStore(Protocol):
    """Objects by ``s3://`` address. Every method may raise ``StoreError``."""

    def get(self, uri: str) -> bytes:
        """Return the whole object. Raises ``ObjectMissing``."""

    def get_aged(self, uri: str) -> AgedBody:
        """Return the whole object and its age, in one request. Raises ``ObjectMissing``."""

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        """Write the object, replacing what was there."""

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        """Write the object only if nothing is there. Raises ``ObjectExists``."""

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        """Write over exactly the version ``etag``. Raises ``ObjectChanged`` for another one, ``ObjectMissing``."""

    def head(self, uri: str) -> ObjectInfo:
        """Return address, ETag and size. Raises ``ObjectMissing``."""

    def metadata(self, uri: str, etag: str) -> Mapping[str, str]:
        """Return the user's metadata of that version. Raises ``ObjectMissing``, ``ObjectChanged``."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix`` in key order. Raises ``ObjectMissing`` for an unknown bucket."""

    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        """Open for one sequential read. Raises ``InputChanged`` if the ETag differs."""

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        """Read ``length`` bytes from ``start``. Raises ``InputChanged`` if the ETag differs."""

    def presigned(self, uri: str, seconds: int) -> str:
        """Return an HTTP address by which anyone may read the object for so many seconds. Makes no request."""

    def upload(self, uri: str, path: str) -> ObjectInfo:
        """Write a local file of any size, in parts."""

    def copy(self, source: ObjectInfo, uri: str) -> ObjectInfo:
        """Copy that version inside the store, whatever its size, over what was at ``uri``. Raises ``ObjectChanged``."""

    def delete(self, uri: str) -> None:
        """Remove the object. A missing object is not an error."""

    def delete_version(self, uri: str, etag: str) -> None:
        """Remove exactly that version, in one request. Raises ``ObjectChanged``, in some stores for none too."""

    def delete_many(self, uris: Iterable[str]) -> None:
        """Remove objects, many per request. Missing objects are not an error."""


class MemoryStore:
    """A store in memory, for pieces of objects and for unit tests; conditional writes behave as S3's do."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.objects: dict[str, bytes] = {}
        self.user_metadata: dict[str, Mapping[str, str]] = {}
        """By address; set it to give an object metadata."""
        self._clock = clock or SystemClock()
        self._modified: dict[str, datetime] = {}

    def get(self, uri: str) -> bytes:
        """Return the whole object."""
        if uri not in self.objects:
            raise ObjectMissing(uri)
        return self.objects[uri]

    def get_aged(self, uri: str) -> AgedBody:
        """Return the whole object; its age is known if it was written by a method of this store."""
        body, modified, now = self.get(uri), self._modified.get(uri), self._clock.now()
        return AgedBody(body, None if modified is None else (now - modified).total_seconds(), now)

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        """Write or replace."""
        self.objects[uri] = body
        self._modified[uri] = self._clock.now()
        return self.head(uri)

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        """Write only if nothing is there."""
        if uri in self.objects:
            raise ObjectExists(uri)
        return self.put(uri, body)

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        """Write over one version."""
        if self.head(uri).etag != etag:
            raise ObjectChanged(uri, etag)
        return self.put(uri, body)

    def head(self, uri: str) -> ObjectInfo:
        """Return address, MD5 as ETag, size."""
        body = self.get(uri)
        return ObjectInfo(uri, hashlib.md5(body, usedforsecurity=False).hexdigest(), len(body), self._modified.get(uri))

    def metadata(self, uri: str, etag: str) -> Mapping[str, str]:
        """Return what ``user_metadata`` has for the object."""
        if self.head(uri).etag != etag:
            raise ObjectChanged(uri, etag)
        return self.user_metadata.get(uri, {})

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield objects under ``prefix`` in key order."""
        yield from (self.head(uri) for uri in sorted(self.objects) if uri.startswith(prefix))

    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        """Open for one sequential read."""
        if self.head(uri).etag != etag:
            raise InputChanged(uri, etag)
        return io.BytesIO(self.get(uri))

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        """Read a byte range."""
        if self.head(uri).etag != etag:
            raise InputChanged(uri, etag)
        return self.get(uri)[start : start + length]

    def presigned(self, uri: str, seconds: int) -> str:
        """Return an address that leads nowhere."""
        return f"memory:{uri.removeprefix('s3:')}?expires={seconds}"

    def upload(self, uri: str, path: str) -> ObjectInfo:
        """Write a local file."""
        with open(path, "rb") as file:  # noqa: PTH123 - a path in, bytes out
            return self.put(uri, file.read())

    def copy(self, source: ObjectInfo, uri: str) -> ObjectInfo:
        """Copy one version."""
        if self.head(source.uri).etag != source.etag:
            raise ObjectChanged(source.uri, source.etag)
        return self.put(uri, self.get(source.uri))

    def delete(self, uri: str) -> None:
        """Remove the object, if it is there."""
        self.objects.pop(uri, None)

    def delete_version(self, uri: str, etag: str) -> None:
        """Remove the object if it is that version."""
        if uri in self.objects and self.head(uri).etag != etag:
            raise ObjectChanged(uri, etag)
        self.delete(uri)

    def delete_many(self, uris: Iterable[str]) -> None:
        """Remove the objects that are there."""
        for uri in list(uris):
            self.delete(uri)
