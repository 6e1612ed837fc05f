"""The input of jobs: the list beside the spec, and what the spec holds of it."""

from __future__ import annotations

from collections.abc import Iterable

from llmbatch.core.input_list import InputList
from llmbatch.core.job_spec import InputObject, InputSummary
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectInfo, ObjectStore

NO_INPUT = InputList.of(()).summary()


def put_inputs(store: ObjectStore, root_uri: str, infos: Iterable[ObjectInfo]) -> InputSummary:
    """Write the list of these objects as accept does, and return its summary."""
    inputs = InputList.of([InputObject(uri=info.uri, etag=info.etag, size=info.size) for info in infos])
    summary = inputs.summary()
    store.put(JobLayout(root_uri).inputs(summary.sha256), inputs.encode())
    return summary
