"""A store in memory that counts its requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from llmbatch.core.store import MemoryStore, ObjectInfo


class CountedStore(MemoryStore):
    """Counts calls by what S3 would get: each of these methods is one request of ``S3Store``, lists below 1,000."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()
        self._inside = False

    @contextmanager
    def _one(self, request: str) -> Iterator[None]:
        """Count the call that came from outside: the fake calls itself, where a store needs no further request."""
        if self._inside:
            yield
            return
        self.requests[request] += 1
        self._inside = True
        try:
            yield
        finally:
            self._inside = False

    def get(self, uri: str) -> bytes:
        with self._one("get"):
            return super().get(uri)

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        with self._one("put"):
            return super().put(uri, body)

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        with self._one("put"):
            return super().create(uri, body)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._one("list"):
            return iter([*super().list(prefix)])

    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        with self._one("get"):
            return super().open_stream(uri, etag)
