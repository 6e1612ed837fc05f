"""The object store for a process that reads small objects again and again, such as heartbeats.

A read through the client takes 1.5 ms of CPU, most of it to prepare, sign and parse one request. This one sends a
request to an address that is signed before, over the client's own connections, which takes 0.4 ms.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.store import AgedBody
from llmbatch.s3.store import S3Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SIGNED_SECONDS = 3600
"""Time after which the store refuses a signed address; it is used for half of it."""
KEPT_ADDRESSES = 2000
"""The one that was used longest ago is dropped."""
REFUSALS = 5
"""Refusals in a row after which the client reads everything."""

_log = logging.getLogger(__name__)


class _Answer(Protocol):
    status_code: int
    headers: Mapping[str, str]
    content: bytes


class PolledStore(S3Store):
    """A store whose ``get`` and ``get_aged`` cost little CPU. Safe to share between threads.

    Whatever is neither the object nor its absence, such as an error, a refusal or a broken connection, makes the client
    read the object, with its retries and errors. The checksums that some stores send are not compared; lengths are.

    Args:
        client: makes the connections, and signs.
        clock: for the age of signatures.
    """

    def __init__(self, client: S3Client, clock: Clock | None = None) -> None:
        super().__init__(client)
        self._clock = clock or SystemClock()
        # no public part of botocore has the client's connections, which know its proxies and certificates
        self._connections: Any = client._endpoint.http_session  # type: ignore[attr-defined]
        self._address = lru_cache(KEPT_ADDRESSES)(self._signed)
        self._refusals = 0

    def get(self, uri: str) -> bytes:
        """Return the whole object."""
        return self.get_aged(uri).body

    def get_aged(self, uri: str) -> AgedBody:
        """Return the whole object and its age: the ``Date`` of the answer minus ``LastModified``, to the second."""
        answer = self._ask(uri) if self._refusals < REFUSALS else None
        if answer is None:
            return super().get_aged(uri)
        if answer.status_code == 404:
            raise ObjectMissing(uri)
        at, written = _time(answer, "date"), _time(answer, "last-modified")
        return AgedBody(answer.content, None if at is None or written is None else (at - written).total_seconds(), at)

    def _ask(self, uri: str) -> _Answer | None:
        """Return the store's whole answer 200, or 404; None for any other."""
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError

        address = self._address(uri, int(self._clock.monotonic() / SIGNED_SECONDS * 2))
        try:
            answer: _Answer = self._connections.send(AWSRequest("GET", address).prepare())
        except BotoCoreError:
            return None
        if answer.status_code == 403:
            self._refused()
            return None
        self._refusals = 0
        # botocore leaves it to the reader of a body to compare its length
        is_whole = answer.status_code == 200 and answer.headers.get("content-length") == str(len(answer.content))
        return answer if is_whole or answer.status_code == 404 else None

    def _refused(self) -> None:
        self._address.cache_clear()  # they were signed with credentials that have ended
        self._refusals += 1
        if self._refusals == REFUSALS:
            _log.warning("event=signed_reads_refused count=%d; the client reads from now on, at more CPU", REFUSALS)

    def _signed(self, uri: str, _half: int) -> str:
        return self.presigned(uri, SIGNED_SECONDS)


def _time(answer: _Answer, header: str) -> datetime | None:
    text = answer.headers.get(header)
    return None if text is None else parsedate_to_datetime(text)
