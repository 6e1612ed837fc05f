"""Output files have the user's columns."""

from __future__ import annotations

import io

import pyarrow.parquet as pq

from fakes.answered_jobs import NOW, answered, staged_job
from llmbatch.core.clock import ManualClock
from llmbatch.core.job_request import OutputFormat
from llmbatch.orchestrator.publishing.files import FAILED_COLUMNS, USER_COLUMNS
from llmbatch.orchestrator.publishing.publish import publish


def test_parquet_output() -> None:
    spec, store = staged_job(OutputFormat.PARQUET)
    answered(spec, store)
    publish(spec, store, ManualClock(NOW))
    results = pq.read_table(io.BytesIO(store.get("s3://b/out/results.parquet")))
    failed = pq.read_table(io.BytesIO(store.get("s3://b/out/failed.parquet")))
    assert (results.num_rows, results.schema.names) == (9, list(USER_COLUMNS))
    assert (failed.num_rows, failed.schema.names) == (1, list(FAILED_COLUMNS))
