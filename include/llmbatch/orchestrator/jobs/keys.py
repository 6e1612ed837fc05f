"""Idempotency keys: which job a key of a user identifies, recorded once under ``<base_uri>/idempotency/``.

A key belongs to the user who sent it: the same text from another user is another key.

The record is written after the job's ``spec.json``, so a key never identifies a job that is not accepted. If accept
fails between the two writes, its retry writes the record. If another run with the same key has written its record
first, the first run adopts that job, and its own ``spec.json`` stays unused. All runs with one key work on one job.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from llmbatch.core.errors import ObjectExists, ObjectMissing, RequestError, StoreError
from llmbatch.core.identity import JOB_ID_PATTERN
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout, idempotency_uri
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.orchestrator.jobs.documents import read_spec

FIELD = "idempotency_key"


class KeyNote(BaseModel):
    """The job that a key identifies, and a digest of the first request with that key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    job_id: Annotated[str, Field(pattern=f"^{JOB_ID_PATTERN}$")]
    request_digest: str


def request_digest(request: JobRequest) -> str:
    """Return a hash of a request, without fields that have their default value and without the key."""
    fields = request.model_dump(mode="json", exclude_defaults=True, exclude={FIELD})
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def job_of_key(key: str, owner: str, digest: str, base_uri: str, store: ObjectStore) -> KeyNote | None:
    """Return the job that the key identifies, None if its owner never used the key.

    Raises:
        RequestError: the key was used for another request.
    """
    try:
        note = read_document(KeyNote, store.get(idempotency_uri(base_uri, key, owner)))
    except ObjectMissing:
        return None
    if note.request_digest != digest:
        raise RequestError(
            FIELD,
            f"was used for {note.job_id} with another request",
            "Send the same request to get that job, or choose another key for a new one.",
        )
    return note


def bind_key(key: str, spec: JobSpec, store: ObjectStore) -> KeyNote:
    """Bind the key of the job's owner to this job, unless it is bound already; return the job that it identifies.

    Raises:
        RequestError: the key was used for another request.
        StoreError: the store refused the record although none exists.
    """
    base_uri = spec.layout.base
    uri = idempotency_uri(base_uri, key, spec.owner)
    note = KeyNote(job_id=spec.job_id, request_digest=spec.request_digest)
    try:
        store.create(uri, note.model_dump_json().encode())
    except ObjectExists:
        first = job_of_key(key, spec.owner, spec.request_digest, base_uri, store)
        if first is None:
            raise StoreError(
                f"The store refused {uri} for {spec.job_id} although the object does not exist. Try again."
            ) from None
        return first
    return note


def adopted(note: KeyNote, base_uri: str, store: ObjectStore) -> JobSpec:
    """Return the spec of the job that a key identifies.

    Raises:
        RequestError: its folder was removed.
    """
    root_uri = JobLayout.of(base_uri, note.job_id).root
    try:
        return read_spec(root_uri, store)
    except ObjectMissing:
        raise RequestError(
            FIELD, f"identifies {note.job_id}, whose folder {root_uri} has expired", "Choose another key."
        ) from None
