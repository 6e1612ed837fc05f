"""``service.json``: stop and resume the admission of jobs. No concurrent change is lost.

A shutdown stops admission, notes the jobs that it drains, then requests the drains. A resume admits again, ends those
drains, and takes a job off the list when it runs, is over, or is stopped by a user. Each step can be repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from pydantic import ValidationError

from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectChanged, ObjectExists, ObjectMissing, StoreError
from llmbatch.core.layout import service_uri
from llmbatch.core.service import Service
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document, read_if_readable
from llmbatch.orchestrator.steering.control import TRIES

_log = logging.getLogger(__name__)


def read_service(base_uri: str, store: ObjectStore) -> Service:
    """Return the state of the service. Without a readable document it admits jobs; one request.

    Raises:
        StoreError: the store failed.
    """
    return read_if_readable(Service, service_uri(base_uri), store) or Service()


def change_service(base_uri: str, change: Callable[[Service], Service], store: ObjectStore) -> Service:
    """Replace the state of the service by ``change`` of it, and return it; nothing is written if that is equal.

    ``change`` is called again whenever another process wrote in between.

    Raises:
        StoreError: the store failed, or other processes wrote in between twenty times.
    """
    uri = service_uri(base_uri)
    for _ in range(TRIES):
        try:
            old, etag = _versioned(uri, store)
            new = change(old)
            if new == old:
                return new
            body = new.model_dump_json(indent=1).encode()
            if etag is None:
                store.create(uri, body)
            else:
                store.replace(uri, body, etag)
        except (ObjectExists, ObjectChanged, ObjectMissing) as error:
            if isinstance(error, ObjectMissing) and etag is None:
                raise  # no bucket
            continue
        _log.info("event=service_changed admitting=%s drained=%d", new.admitting, len(new.drained))
        return new
    raise StoreError(f"{uri} was changed by other processes {TRIES} times in a row; repeat the request.")


def stop_admission(base_uri: str, *, reason: str, by: str, store: ObjectStore, clock: Clock) -> Service:
    """Accept no further job. If it is stopped already, nothing changes, the reason included."""

    def stopped(old: Service) -> Service:
        stop = {"admitting": False, "reason": reason, "by": by, "at": clock.now()}
        return old.model_copy(update=stop) if old.admitting else old

    return change_service(base_uri, stopped, store)


def start_admission(base_uri: str, *, by: str, store: ObjectStore, clock: Clock) -> Service:
    """Accept jobs again."""

    def started(old: Service) -> Service:
        start = {"admitting": True, "reason": "", "by": by, "at": clock.now()}
        return old if old.admitting else old.model_copy(update=start)

    return change_service(base_uri, started, store)


def note_drained(base_uri: str, job_ids: tuple[str, ...], store: ObjectStore) -> Service:
    """Note jobs that the next calls drain. Jobs that are noted already stay."""
    return change_service(
        base_uri, lambda old: old.model_copy(update={"drained": tuple(dict.fromkeys(old.drained + job_ids))}), store
    )


def forget_drained(base_uri: str, job_ids: frozenset[str], store: ObjectStore) -> Service:
    """Take jobs off the list."""
    return change_service(
        base_uri,
        lambda old: old.model_copy(update={"drained": tuple(each for each in old.drained if each not in job_ids)}),
        store,
    )


def _versioned(uri: str, store: ObjectStore) -> tuple[Service, str | None]:
    """Return the document and its version; an unreadable one counts as the default and is replaced."""
    try:
        # If it is replaced between the two requests, the body is newer than the ETag, and the write is refused.
        info, body = store.head(uri), store.get(uri)
    except ObjectMissing:
        return Service(), None
    try:
        return read_document(Service, body), info.etag
    except ValidationError as error:
        _log.warning("event=service_unreadable uri=%s problems=%d; it is replaced", uri, error.error_count())
        return Service(), info.etag
