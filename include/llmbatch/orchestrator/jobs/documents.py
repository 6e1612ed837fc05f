"""Readers of the documents in a job folder."""

from __future__ import annotations

from llmbatch.core.job_spec import JobSpec, parse_spec
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore


def read_spec(job_uri: str, store: ObjectStore) -> JobSpec:
    """Return the accepted job in a job folder.

    Raises:
        ObjectMissing: there is no job.
        SpecError: what is there is not this job's spec.
    """
    return parse_spec(job_uri, store.get(JobLayout(job_uri).spec))
