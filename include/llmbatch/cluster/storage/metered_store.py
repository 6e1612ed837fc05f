"""The object store of this process, with a count of its requests."""

from __future__ import annotations

import threading

from llmbatch.core.progress import StoreUse
from llmbatch.core.store import ObjectStore
from llmbatch.s3.requests import report_requests
from llmbatch.s3.store import S3Store


class MeteredStore(S3Store):
    """A store whose client reports each request: after its retries, and when the answer begins.

    Several threads use it at once.
    """

    def __init__(self, store: S3Store) -> None:
        super().__init__(store._client)
        self._lock = threading.Lock()
        self._requests = self._errors = 0
        self._seconds = 0.0
        report_requests(self._client, self._count)

    @property
    def use(self) -> StoreUse:
        """What has been counted so far."""
        with self._lock:
            return StoreUse(requests=self._requests, errors=self._errors, seconds=round(self._seconds, 6))

    def _count(self, _: str, result: str, seconds: float) -> None:
        with self._lock:
            self._requests += 1
            self._errors += result == "error"
            self._seconds += seconds


def use_of(store: ObjectStore) -> StoreUse | None:
    """Return the requests that a store has counted; None if it does not count them."""
    return store.use if isinstance(store, MeteredStore) else None
