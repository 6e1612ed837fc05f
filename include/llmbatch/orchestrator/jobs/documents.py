"""Readers of the documents in a job folder."""

from __future__ import annotations

import hashlib

from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.input_list import InputList
from llmbatch.core.job_spec import InputObject, JobSpec, parse_spec
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document


def read_spec(job_uri: str, store: ObjectStore, *, is_strict: bool = True) -> JobSpec:
    """Return the accepted job in a job folder.

    Args:
        job_uri: the job's folder.
        store: the store that holds it.
        is_strict: refuse fields that this version does not know. A watcher ignores them, as it runs nothing.

    Raises:
        ObjectMissing: there is no job.
        SpecError: what is there is not this job's spec.
    """
    return parse_spec(job_uri, store.get(JobLayout(job_uri).spec), is_strict=is_strict)


def read_inputs(spec: JobSpec, store: ObjectStore) -> tuple[InputObject, ...]:
    """Return the input objects of an accepted job, in the order of their rows.

    Raises:
        StoreError: the list is missing, or is not the one that was accepted.
    """
    uri = spec.layout.inputs(spec.inputs.sha256)
    try:
        body = store.get(uri)
    except ObjectMissing as error:
        raise StoreError(
            f"{uri}, the list of the input of {spec.job_id}, is missing. Restore it from a backup, or start a new job."
        ) from error
    if hashlib.sha256(body).hexdigest() != spec.inputs.sha256:
        raise StoreError(
            f"{uri} is not the list of the input that {spec.job_id} was accepted with. Restore it from a backup, or "
            "start a new job."
        )
    return read_document(InputList, body).objects
