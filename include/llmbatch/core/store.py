"""The object store that all rooms share: a protocol, and a fake in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from llmbatch.core.errors import InputChanged, ObjectExists, ObjectMissing


@dataclass(frozen=True)
class ObjectInfo:
    """One stored object: address, ETag without quotes, size in bytes."""

    uri: str
    etag: str
    size: int


class ObjectStore(Protocol):
    """Objects by ``s3://`` address. Every method may raise ``StoreError``."""

    def get(self, uri: str) -> bytes:
        """Return the whole object. Raises ``ObjectMissing``."""

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        """Write the object, replacing what was there."""

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        """Write the object only if nothing is there. Raises ``ObjectExists``."""

    def head(self, uri: str) -> ObjectInfo:
        """Return address, ETag and size. Raises ``ObjectMissing``."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix`` in key order. Raises ``ObjectMissing`` for an unknown bucket."""

    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        """Open for one sequential read. Raises ``InputChanged`` if the ETag differs."""

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        """Read ``length`` bytes from ``start``. Raises ``InputChanged`` if the ETag differs."""

    def upload(self, uri: str, path: str) -> ObjectInfo:
        """Write a local file of any size, in parts."""


class MemoryStore:
    """A fake store in memory for unit tests; conditional writes behave as S3's do."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get(self, uri: str) -> bytes:
        """Return the whole object."""
        if uri not in self.objects:
            raise ObjectMissing(uri)
        return self.objects[uri]

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        """Write or replace."""
        self.objects[uri] = body
        return self.head(uri)

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        """Write only if nothing is there."""
        if uri in self.objects:
            raise ObjectExists(uri)
        return self.put(uri, body)

    def head(self, uri: str) -> ObjectInfo:
        """Return address, MD5 as ETag, size."""
        body = self.get(uri)
        return ObjectInfo(uri, hashlib.md5(body, usedforsecurity=False).hexdigest(), len(body))

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

    def upload(self, uri: str, path: str) -> ObjectInfo:
        """Write a local file."""
        with open(path, "rb") as file:  # noqa: PTH123 - a path in, bytes out
            return self.put(uri, file.read())
