"""Readers of the documents in a job folder."""

from __future__ import annotations

from llmbatch.core.job_spec import JobSpec, parse_spec
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore


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
