"""The object store of this process, with a count of its requests."""

from __future__ import annotations

import threading
import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from llmbatch.core.progress import StoreUse
from llmbatch.core.store import ObjectStore
from llmbatch.s3.store import S3Store

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

_ANSWERS = frozenset({304, 404, 409, 412})
"""Status codes that are answers: nothing is there, or another process was faster."""

_BEGAN = "llmbatch_began"


class MeteredStore(S3Store):
    """A store whose client reports each request: after its retries, and when the answer begins.

    Several threads use it at once.
    """

    def __init__(self, store: S3Store) -> None:
        super().__init__(store._client)
        self._lock = threading.Lock()
        self._requests = self._errors = 0
        self._seconds = 0.0
        events = self._client.meta.events
        events.register("before-call.s3", self._begin)
        events.register("after-call.s3", self._answered)
        events.register("after-call-error.s3", self._failed)

    @property
    def use(self) -> StoreUse:
        """What has been counted so far."""
        with self._lock:
            return StoreUse(requests=self._requests, errors=self._errors, seconds=round(self._seconds, 6))

    def _begin(self, context: MutableMapping[str, Any], **_: object) -> None:
        context[_BEGAN] = time.monotonic()

    def _answered(self, http_response: AWSResponse, context: MutableMapping[str, Any], **_: object) -> None:
        status = http_response.status_code
        self._count(context, failed=status >= 300 and status not in _ANSWERS)

    def _failed(self, context: MutableMapping[str, Any], **_: object) -> None:
        self._count(context, failed=True)

    def _count(self, context: MutableMapping[str, Any], *, failed: bool) -> None:
        now = time.monotonic()
        with self._lock:
            self._requests += 1
            self._errors += failed
            self._seconds += now - context.get(_BEGAN, now)


def use_of(store: ObjectStore) -> StoreUse | None:
    """Return the requests that a store has counted; None if it does not count them."""
    return store.use if isinstance(store, MeteredStore) else None
