"""Merge a retry with its earlier jobs: rows that succeeded earlier, and the new outcomes of the rows that ran again.

All sequences are in input order, so they are merged as streams: memory holds the shards in flight of each job in the
chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from llmbatch.core.errors import ReconcileError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import ShardRecord
from llmbatch.core.read_ahead import in_order
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.lineage import PublishedJob
from llmbatch.orchestrator.jobs.result_shards import IN_FLIGHT, with_model
from llmbatch.orchestrator.jobs.row_stream import RowStream


def merged(
    spec: JobSpec, jobs: Sequence[PublishedJob], own: Iterable[pa.Table], store: ObjectStore
) -> Iterator[pa.Table]:
    """Yield every row of the first job once, in input order, with the outcome of the last job that ran it.

    Args:
        spec: the retry.
        jobs: the jobs before it, the oldest first.
        own: the retry's results in input order, with their model. They are read to the end, so that an error of their
            comparison is raised.
        store: where the jobs are.

    Raises:
        ReconcileError: the merged rows are not those of the first job, each once; raised after the last row.
        StoreError: a result cannot be read.
    """
    whole = overlaid(_overlaid_jobs(jobs, store), own)
    return counted(spec.job_id, whole, jobs[0].proof.rows.input)


def merged_jobs(jobs: Sequence[PublishedJob], store: ObjectStore) -> Iterator[pa.Table]:
    """Yield the merged rows of finished jobs, the oldest first: each a retry of the one before it.

    Raises:
        ReconcileError: the merged rows are not those of the first job, each once; raised after the last row.
        StoreError: a result cannot be read.
    """
    return counted(jobs[-1].spec.job_id, _overlaid_jobs(jobs, store), jobs[0].proof.rows.input)


def _overlaid_jobs(jobs: Sequence[PublishedJob], store: ObjectStore) -> Iterator[pa.Table]:
    whole = _results(jobs[0], store)
    for job in jobs[1:]:
        whole = overlaid(whole, _results(job, store))
    return whole


def overlaid(base: Iterable[pa.Table], newer: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the rows of both in order of their ids; where both have a row, the newer one.

    Rows 1 2 | 3 4 under 2' 3' give 1 2' | 3' 4. Tables of both must ascend in ``row_id``.
    """
    ahead = RowStream(newer)
    for table in base:
        found = [*ahead.up_to(table["row_id"][-1].as_py())]
        if found:
            ids = pa.chunked_array([part["row_id"].combine_chunks() for part in found], pa.string())
            kept = table.filter(pc.invert(pc.is_in(table["row_id"], value_set=ids.combine_chunks())))
            both = pa.concat_tables([kept, *found])
            yield both.take(pc.sort_indices(both, sort_keys=[("row_id", "ascending")]))
        else:
            yield table
    yield from ahead.rest()


def _results(job: PublishedJob, store: ObjectStore) -> Iterator[pa.Table]:
    def table(shard: ShardRecord) -> pa.Table:
        return with_model(job.result(shard, store), job.spec, shard.key)

    return in_order(table, job.proof.shards, in_flight=IN_FLIGHT, name="merge")


def counted(job_id: str, tables: Iterable[pa.Table], expected: int) -> Iterator[pa.Table]:
    """Yield the tables and check that their row ids ascend strictly and have the expected number.

    Each result of the first job is as its manifest proved it, and ``overlaid`` drops no id. So a surplus row is a
    duplicate or belongs to another job.
    """
    rows = 0
    last = ""
    for table in tables:
        ids: list[str] = table["row_id"].to_pylist()
        for row_id in ids:
            if row_id <= last:
                raise ReconcileError(job_id, 0, 1, f"row {row_id}, which occurs twice in the merged rows")
            last = row_id
        rows += len(ids)
        yield table
    if rows != expected:
        missing, duplicates = max(0, expected - rows), max(0, rows - expected)
        raise ReconcileError(job_id, missing, duplicates, f"the merged rows: {rows} instead of {expected}")
