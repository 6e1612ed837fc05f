"""The input's own columns beside the results of a job, joined by row id as streams."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.read_ahead import in_order
from llmbatch.core.shards import StagedShard
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.kept_columns import NO_COLUMNS, aligned, columns_of, joined, read_columns
from llmbatch.orchestrator.jobs.row_stream import RowStream
from llmbatch.orchestrator.jobs.staged_shards import load_staged

_IN_FLIGHT = 4
"""Shards that are read ahead: the columns of each take up to ``staging.shard_bytes``, or one row."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptColumns:
    """The own columns of one job's input.

    Attributes:
        schema: their names, as stored, and one type each for the whole job.
    """

    schema: pa.Schema
    _spec: JobSpec
    _store: ObjectStore
    _shards: tuple[StagedShard, ...]

    def beside(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the result tables, whose row ids ascend, with the own columns of each row; null where it has none.

        Memory holds the shards in flight and the columns of one table.
        """
        if not self.schema.names:
            yield from tables
            return
        stream = RowStream(in_order(self._read, self._shards, in_flight=_IN_FLIGHT, name="columns"))
        for table in tables:
            if not table.num_rows:
                yield table
                continue
            found = [*stream.up_to(table["row_id"][-1].as_py())]
            columns = aligned(joined(found, self.schema), table["row_id"])
            whole = table
            for name in self.schema.names:
                whole = whole.append_column(name, columns[name])
            yield whole

    def _read(self, shard: StagedShard) -> pa.Table:
        return read_columns(self._store, self._spec.layout.kept_shard(shard.shard_id))


def kept_columns(spec: JobSpec, store: ObjectStore, *, is_published: bool) -> KeptColumns:
    """Return the own columns of a job's input, or none if the job keeps none.

    Args:
        spec: the job that read the input: of a retry, the first job of its chain.
        store: where its folder is.
        is_published: whether that job has its proof. Then its staged input may have expired, and rows are delivered
            without own columns, with a warning.

    Raises:
        StoreError: the columns of a job that is not published are missing or unreadable.
    """
    staged = load_staged(spec, store)
    none = KeptColumns(NO_COLUMNS, spec, store, ())
    if staged is None or not staged.columns:
        return none
    uri = spec.layout.kept_schema
    try:
        store.head(uri)
    except ObjectMissing:
        if not is_published:
            raise StoreError(f"{uri} is missing. Restore it from a backup, or start a new job on the input.") from None
        _log.warning(
            "event=columns_expired job_id=%s columns=%d reason=%s",
            spec.job_id,
            len(staged.columns),
            "the staged input was removed, so rows are delivered without the columns of the input",
        )
        return none
    return KeptColumns(columns_of(read_columns(store, uri).schema), spec, store, staged.shards)
