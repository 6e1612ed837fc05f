"""The jobs of a deployment: those with a folder in the store, and those in the admission queue."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from itertools import groupby

from pydantic import ValidationError

from llmbatch.core.admission import AdmissionQueue
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.identity import JOB_ID_PATTERN
from llmbatch.core.layout import JobLayout, queue_uri
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.core.stored import read_document

_JOB_ID = re.compile(JOB_ID_PATTERN)
_log = logging.getLogger(__name__)


def stored_jobs(base_uri: str, store: ObjectStore) -> Iterator[tuple[JobLayout, Iterator[ObjectInfo]]]:
    """Yield every job folder under ``<base_uri>/jobs/`` in order of job ids; folders with another name are skipped.

    The objects of a folder are one pass of the listing: read them before the next folder. Costs one request for each
    1000 objects.

    Raises:
        StoreError: the store failed.
    """
    prefix = f"{base_uri.rstrip('/')}/jobs/"
    for name, objects in groupby(store.list(prefix), key=lambda info: info.uri[len(prefix) :].partition("/")[0]):
        if _JOB_ID.fullmatch(name):
            yield JobLayout(f"{prefix}{name}"), objects


def admission_queue(base_uri: str, store: ObjectStore) -> tuple[AdmissionQueue | None, str | None]:
    """Return the admission queue and its ETag. The queue is None if it is missing or unreadable, the ETag if missing.

    Raises:
        StoreError: the store failed.
    """
    uri = queue_uri(base_uri)
    try:
        # If the queue is replaced between the two requests, the body is newer than the ETag, so a replacement of that
        # ETag is refused.
        info, body = store.head(uri), store.get(uri)
    except ObjectMissing:
        return None, None
    try:
        return read_document(AdmissionQueue, body), info.etag
    except ValidationError as error:
        _log.warning("event=queue_unreadable uri=%s problems=%d", uri, error.error_count())
        return None, info.etag
