"""Idempotency keys: which job a key stands for, noted once under ``<base_uri>/idempotency/``.

The note is written after the job's ``spec.json``, so a key never names a job that is not accepted. An accept that dies
between the two writes leaves a job that no key names yet: its own run, tried again, writes the note; if another run
with that key was faster, the note names the other job, and the first run adopts it (its own ``spec.json`` stays
unused). Of any number of runs with one key, all work on one job.
"""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict

from llmbatch.core.errors import ObjectExists, ObjectMissing, RequestError, StoreError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout, idempotency_uri
from llmbatch.core.store import ObjectStore

FIELD = "idempotency_key"


class KeyNote(BaseModel):
    """The job that a key stands for, and what was asked for when it was first used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str
    root_uri: str
    request_digest: str


def request_digest(request: JobRequest) -> str:
    """Return a hash of what was asked for. What equals its default, and the key itself, do not count."""
    asked = request.model_dump(mode="json", exclude_defaults=True, exclude={FIELD})
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def job_of_key(key: str, digest: str, base_uri: str, store: ObjectStore) -> KeyNote | None:
    """Return the job that the key stands for, None if it was never used.

    Raises:
        RequestError: the key was used for another request.
    """
    try:
        note = KeyNote.model_validate_json(store.get(idempotency_uri(base_uri, key)))
    except ObjectMissing:
        return None
    if note.request_digest != digest:
        raise RequestError(
            FIELD,
            f"was used for {note.job_id} with another request",
            "Send the same request to get that job, or choose another key for a new one.",
        )
    return note


def bind_key(key: str, spec: JobSpec, base_uri: str, store: ObjectStore) -> KeyNote:
    """Let the key stand for this job, unless it stands for one already; return the job that it stands for.

    Raises:
        RequestError: the key was used for another request.
        StoreError: the store refused the note though there is none.
    """
    uri = idempotency_uri(base_uri, key)
    note = KeyNote(job_id=spec.job_id, root_uri=spec.root_uri, request_digest=spec.request_digest)
    try:
        store.create(uri, note.model_dump_json().encode())
    except ObjectExists:
        first = job_of_key(key, spec.request_digest, base_uri, store)
        if first is None:
            raise StoreError(f"{uri} was refused for {spec.job_id}, but nothing is there. Try again.") from None
        return first
    return note


def adopted(note: KeyNote, store: ObjectStore) -> JobSpec:
    """Return the spec of the job that a key stands for.

    Raises:
        RequestError: its folder is gone.
    """
    try:
        return JobSpec.model_validate_json(store.get(JobLayout(note.root_uri).spec))
    except ObjectMissing:
        raise RequestError(
            FIELD, f"stands for {note.job_id}, whose folder {note.root_uri} has expired", "Choose another key."
        ) from None
