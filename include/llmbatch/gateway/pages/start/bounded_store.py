"""A store for one look at an input: it reads so many bytes in so many seconds, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import IO, Self, cast

from llmbatch.core.clock import Clock
from llmbatch.core.errors import RequestError
from llmbatch.core.store import AgedBody, ObjectInfo, ObjectStore

MOST_BYTES = 32 * 2**20
"""Read in one look, by all requests together."""
MOST_SECONDS = 10.0


def bounded(store: ObjectStore, clock: Clock) -> ObjectStore:
    """Return the store for one look, which begins now. A method that writes is not there.

    Every method raises ``RequestError`` for ``input_uri`` once a limit is reached.
    """
    return cast("ObjectStore", _BoundedStore(store, clock))


class _BoundedStore:
    def __init__(self, inner: ObjectStore, clock: Clock) -> None:
        self._inner, self._clock = inner, clock
        self._until, self._bytes = clock.monotonic() + MOST_SECONDS, 0

    def get(self, uri: str) -> bytes:
        self.count(0)
        return self._counted(self._inner.get(uri))

    def get_aged(self, uri: str) -> AgedBody:
        self.count(0)
        found = self._inner.get_aged(uri)
        self.count(len(found.body))
        return found

    def head(self, uri: str) -> ObjectInfo:
        self.count(0)
        return self._inner.head(uri)

    def metadata(self, uri: str, etag: str) -> Mapping[str, str]:
        self.count(0)
        return self._inner.metadata(uri, etag)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for info in self._inner.list(prefix):
            self.count(0)
            yield info

    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        self.count(0)
        return cast("IO[bytes]", _Stream(self._inner.open_stream(uri, etag), self))

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        self.count(0)
        return self._counted(self._inner.read_range(uri, etag, start, length))

    def count(self, size: int) -> None:
        """Note that so many bytes were read. Raises ``RequestError`` at a limit."""
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise _over(f"{MOST_BYTES // 2**20} MiB")
        if self._clock.monotonic() > self._until:
            raise _over(f"{MOST_SECONDS:.0f} seconds")

    def _counted(self, body: bytes) -> bytes:
        self.count(len(body))
        return body


class _Stream(AbstractContextManager["_Stream"]):
    def __init__(self, inner: IO[bytes], store: _BoundedStore) -> None:
        self._inner, self._store = inner, store

    def read(self, size: int = -1) -> bytes:
        self._store.count(0)
        chunk = self._inner.read(size)
        self._store.count(len(chunk))
        return chunk

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _over(limit: str) -> RequestError:
    return RequestError(
        "input_uri",
        f"the look at the first rows ended after {limit}",
        "The job itself has no such limit: check the whole input, or name fewer objects.",
    )
