"""The rows of an earlier job that did not succeed, as rows of the job that runs them again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import ObjectMissing, RequestError, RowError, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import ShardRecord
from llmbatch.core.read_ahead import in_order
from llmbatch.core.rows import StagedRow
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.again import RequestAgain
from llmbatch.orchestrator.jobs.lineage import PublishedJob, lineage
from llmbatch.orchestrator.jobs.result_shards import IN_FLIGHT, succeeded_and_rest
from llmbatch.orchestrator.jobs.staged_shards import decode_shard, load_staged


def rows_to_retry(spec: JobSpec, root_uri: str, store: ObjectStore) -> Iterator[StagedRow]:
    """Yield the rows in input order under their own ids, streaming.

    Unreadable rows are left out: no engine can answer them, and they keep their outcome. A retry stages the rows that
    its parent did not finish, so the rows of a chain's last job are the only ones that can be unfinished.

    Args:
        spec: the job that runs them again. What its ``sampling`` and ``request`` set overrides the rows' own; a row
            that named an adapter keeps it if this job's model has it.
        root_uri: folder of the earlier job.
        store: where the jobs are.

    Raises:
        StoreError: the earlier job's rows or results are missing or differ from its manifest.
        RequestError: ``sampling`` or ``request`` contradicts what a row has of its own.
    """
    parent = lineage(root_uri, store)[-1]
    again = RequestAgain(spec, parent.spec.request.model)

    def unfinished(shard: ShardRecord) -> list[StagedRow]:
        return [_again(row, again) for row in _unfinished(parent, shard, store)]

    count = 0
    for rows in in_order(unfinished, parent.proof.shards, in_flight=IN_FLIGHT, name="retry"):
        count += len(rows)
        yield from rows
    if count != parent.rows_to_retry:
        raise StoreError(
            f"{parent.spec.root_uri} holds {count} rows to retry where its manifest has {parent.rows_to_retry}. "
            "Start a new job on the input."
        )


def ids_repeated(root_uri: str, store: ObjectStore) -> bool:
    """Return whether the ids of the earlier job in that folder repeat; the retry delivers its rows too.

    Raises:
        StoreError: the earlier job's staging is missing.
    """
    parent = lineage(root_uri, store)[-1]
    staged = load_staged(parent.spec, store)
    if staged is None:
        raise StoreError(f"{parent.spec.layout.staged_manifest} does not exist. Start a new job on the input.")
    return staged.ids_repeat


def _unfinished(parent: PublishedJob, shard: ShardRecord, store: ObjectStore) -> list[StagedRow]:
    _, rest = succeeded_and_rest(parent.result(shard, store))
    if not rest.num_rows:
        return []
    wanted = frozenset(rest["row_id"].to_pylist())
    uri = parent.spec.layout.staged_shard(shard.shard_id)
    try:
        staged = decode_shard(store.get(uri)).to_pylist()
    except (ObjectMissing, pa.ArrowException, OSError) as error:
        raise StoreError(
            f"{uri} cannot be read: {error}. Without it {parent.spec.job_id} cannot be retried; start a new job."
        ) from error
    return [StagedRow(**row) for row in staged if row["row_id"] in wanted and row["error_class"] is None]


def _again(row: StagedRow, again: RequestAgain) -> StagedRow:
    try:
        built = again.of(Endpoint(row.url), json.loads(row.request), row.answer_limit)
    except RowError as error:
        raise RequestError(
            "sampling",
            f"contradicts what row {row.row_id} has of its own: {error.message}",
            "Correct sampling or request.",
        ) from None
    return row if built is None else replace(row, request=built.text, answer_limit=built.answer_limit)
