"""The documents of a folder of the store, of which most were read before."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

from cachetools import LRUCache
from pydantic import BaseModel

from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable

_MOST = 500
"""Documents that are kept; the one that was used longest ago is dropped."""

Document = TypeVar("Document", bound=BaseModel)


class StoredFolders(Generic[Document]):
    """Reads documents of one kind, each once as long as its ETag is the same. Safe to share between threads.

    Args:
        model: of the documents.
        store: where they are.
    """

    def __init__(self, model: type[Document], store: ObjectStore) -> None:
        self._model, self._store = model, store
        self._kept: LRUCache[tuple[str, str], Document | None] = LRUCache(_MOST)
        self._lock = threading.Lock()

    def read(self, folder: str) -> tuple[Document, ...]:
        """Return the documents in the order of their names. An unreadable one is logged and left out. Blocks.

        Raises:
            StoreError: the store failed.
        """
        found = []
        for info in self._store.list(folder):
            if info.uri.endswith(".json"):
                found.append(self._one(info.uri, info.etag))
        return tuple(document for document in found if document is not None)

    def _one(self, uri: str, etag: str) -> Document | None:
        with self._lock:
            if (uri, etag) in self._kept:
                return self._kept[uri, etag]
        document = read_if_readable(self._model, uri, self._store)
        with self._lock:
            self._kept[uri, etag] = document
        return document
