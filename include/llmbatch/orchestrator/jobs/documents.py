"""Readers of the documents in a job folder."""

from __future__ import annotations

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore


def read_spec(job_uri: str, store: ObjectStore) -> JobSpec:
    """Return the accepted job in a job folder."""
    return JobSpec.model_validate_json(store.get(JobLayout(job_uri).spec))
