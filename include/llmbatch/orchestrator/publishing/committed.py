"""Committed shards, read back and compared with the staged shards, in input order, several reads at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from llmbatch.core.errors import ObjectMissing, ReconcileError, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import Discrepancy, ShardRecord, compare_row_ids
from llmbatch.core.read_ahead import in_order
from llmbatch.core.shards import ShardTally, StagedManifest, StagedShard
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.orchestrator.jobs.result_shards import IN_FLIGHT, read_result, tally_of, with_model
from llmbatch.orchestrator.jobs.staged_shards import decode_shard

_NAMED = 5


@dataclass(frozen=True)
class CommittedShard:
    """One committed shard: record, tally, rows in input order with their model, and the result of the comparison."""

    record: ShardRecord
    tally: ShardTally
    table: pa.Table
    found: Discrepancy


def committed_shards(spec: JobSpec, store: ObjectStore, staged: StagedManifest) -> Iterator[CommittedShard]:
    """Yield every committed shard in input order; after the last one, check that every staged row is there once.

    Deliver nothing before the iterator is exhausted: the error is raised at the end, so that it names all bad shards.

    Raises:
        ReconcileError: rows are missing, duplicated or foreign.
        StoreError: a committed object is not a result shard, or a staged shard is missing.
    """
    committed = {info.uri: info for info in store.list(spec.layout.results)}
    known = {spec.layout.result_shard(shard.shard_id) for shard in staged.shards}
    ledger = _Ledger()

    def compared(shard: StagedShard) -> CommittedShard | StagedShard:
        return _compared(spec, store, shard, committed.get(spec.layout.result_shard(shard.shard_id)))

    for shard in in_order(compared, staged.shards, in_flight=IN_FLIGHT, name="publish"):
        if isinstance(shard, StagedShard):
            ledger.add(shard.shard_id, Discrepancy(shard.rows, 0, "no committed result"))
            continue
        ledger.add(shard.record.shard_id, shard.found)
        yield shard
    for uri in sorted(committed.keys() - known):
        shard_id = spec.layout.shard_of(uri)
        if shard_id is not None:
            rows = read_result(store, uri).num_rows
            ledger.add(shard_id, Discrepancy(0, rows, "a shard that was never staged"))
    if ledger.missing or ledger.duplicates:
        raise ReconcileError(spec.job_id, ledger.missing, ledger.duplicates, ledger.examples())


class _Ledger:
    """Sums the discrepancies by shard."""

    def __init__(self) -> None:
        self.missing = self.duplicates = 0
        self._bad: list[str] = []

    def add(self, shard_id: str, found: Discrepancy) -> None:
        self.missing += found.missing
        self.duplicates += found.duplicates
        if found.missing or found.duplicates:
            self._bad.append(f"{shard_id} ({found.example})")

    def examples(self) -> str:
        """Return the first five bad shards with one row each."""
        more = f" and {len(self._bad) - _NAMED} more" if len(self._bad) > _NAMED else ""
        return ", ".join(self._bad[:_NAMED]) + more


def _compared(
    spec: JobSpec, store: ObjectStore, shard: StagedShard, info: ObjectInfo | None
) -> CommittedShard | StagedShard:
    """Read both sides of one shard. Return the staged record if no result was committed."""
    if info is None:
        return shard
    expected = _staged_ids(spec, store, shard)
    table = read_result(store, info.uri)
    ids = table["row_id"].to_pylist()
    found = compare_row_ids(expected, ids)
    if ids != expected:
        table = table.take(pc.sort_indices(table, sort_keys=[("row_id", "ascending")]))
    tally = tally_of(info.uri, table)
    record = ShardRecord(
        shard_id=shard.shard_id,
        rows=table.num_rows,
        key=info.uri,
        etag=info.etag,
        generation=tally.generation,
    )
    return CommittedShard(record, tally, with_model(table, spec, info.uri), found)


def _staged_ids(spec: JobSpec, store: ObjectStore, shard: StagedShard) -> list[str]:
    uri = spec.layout.staged_shard(shard.shard_id)
    try:
        ids: list[str] = decode_shard(store.get(uri), ["row_id"])["row_id"].to_pylist()
    except (ObjectMissing, pa.ArrowException, OSError) as error:
        raise StoreError(
            f"{uri} cannot be read: {error}. Keep the staged shards until the job is published."
        ) from error
    if len(ids) != shard.rows:
        raise StoreError(f"{uri} holds {len(ids)} rows where the staged manifest has {shard.rows}.")
    return ids
