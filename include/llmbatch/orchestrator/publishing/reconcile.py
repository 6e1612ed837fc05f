"""Reconcile a job: prove that every input row ended exactly once, and write the rows to local output files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import RowRecord, ShardRecord, TokenRecord
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.shards import StagedManifest
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.lineage import lineage
from llmbatch.orchestrator.jobs.result_shards import succeeded_and_rest
from llmbatch.orchestrator.publishing.committed import CommittedShard, committed_shards
from llmbatch.orchestrator.publishing.disk import require_space, within_space
from llmbatch.orchestrator.publishing.files import open_outputs
from llmbatch.orchestrator.publishing.kept import KeptColumns, kept_columns
from llmbatch.orchestrator.publishing.merge import merged
from llmbatch.orchestrator.publishing.parts import Part
from llmbatch.orchestrator.publishing.totals import Totals


@dataclass(frozen=True)
class Reconciled:
    """A job whose rows are proved complete.

    Attributes:
        rows: number of rows by outcome; a retry's are those of the merged job.
        invalid_rows: rows that could not be read, of the merged job too.
        ids_repeat: whether rows are delivered without ids, see ``InputRecord``.
        sampled_of: rows of the whole input if the job has a sample of them, of the merged job too.
        columns_dropped: rows delivered without the input's own columns, see ``InputRecord``.
        tokens: of ``rows``.
        models: number of succeeded rows by model.
        digests: digests of the files of the models that answered, by model; of the job's own shards.
        shards: the job's own committed shards in input order.
        dead: those of ``shards`` with a row that did not succeed.
        files: local files: the parts of the results, then those of the failed rows; see ``write_files``.
    """

    rows: RowRecord
    invalid_rows: int
    ids_repeat: bool
    sampled_of: int | None
    columns_dropped: int
    tokens: TokenRecord
    models: dict[str, int]
    digests: dict[str, tuple[str, ...]]
    shards: tuple[ShardRecord, ...]
    dead: tuple[ShardRecord, ...]
    files: tuple[Part, ...]


def reconcile(spec: JobSpec, store: ObjectStore, staged: StagedManifest, folder: Path) -> Reconciled:
    """Compare the committed rows with the staged ones, merge a retry with its earlier jobs, and write local files.

    Writes only into ``folder``. Memory holds the shards in flight.

    Args:
        spec: the accepted job.
        store: where the job's folder and those of its earlier jobs are.
        staged: the job's finished staging.
        folder: an empty local folder for the output files.

    Raises:
        DiskFull: the folder has no room for the files.
        ReconcileError: rows are missing or duplicated.
        StoreError: the store failed, or results of the job or of an earlier one are missing or unreadable.
    """
    earlier = lineage(spec.retry_of, store) if spec.retry_of is not None else ()
    require_space(earlier[0].spec if earlier else spec, spec, store, folder)
    own = _OwnShards(spec, committed_shards(spec, store, staged))
    tables = merged(spec, earlier, own.tables(), store) if earlier else own.tables()
    kept = kept_columns(earlier[0].spec if earlier else spec, store, is_published=bool(earlier))
    with within_space(spec, folder):
        files, totals = write_files(spec, tables, kept, folder, with_ids=not staged.ids_repeat)
    return Reconciled(
        rows=totals.rows(),
        invalid_rows=staged.invalid_rows + (earlier[-1].proof.input.invalid_rows if earlier else 0),
        ids_repeat=staged.ids_repeat,
        sampled_of=earlier[-1].proof.input.sampled_of if earlier else staged.sampled_of,
        columns_dropped=earlier[-1].proof.input.columns_dropped if earlier else staged.columns_dropped,
        tokens=totals.tokens(),
        models=totals.models(),
        digests={name: tuple(sorted(found)) for name, found in sorted(own.digests.items())},
        shards=tuple(own.records),
        dead=tuple(own.dead),
        files=files,
    )


def write_files(
    spec: JobSpec, tables: Iterable[pa.Table], kept: KeptColumns, folder: Path, *, with_ids: bool
) -> tuple[tuple[Part, ...], Totals]:
    """Write rows in input order, with their own columns, to local output files; return the closed files and the counts.

    The file of the rows that did not succeed is left out if it is empty, and in OpenAI's format the other one too.
    Without ``with_ids`` every ``custom_id`` is
    null, because the column it was taken from names several rows alike.
    """
    results, failed = open_outputs(spec, folder, kept.schema)
    totals = Totals()
    with closing(results), closing(failed):
        for table in kept.beside(tables):
            good, rest = succeeded_and_rest(table if with_ids else _without_ids(table))
            results.append(good)
            failed.append(rest)
            totals.add(table)
    may_be_empty = spec.output_format is not OutputFormat.OPENAI_BATCH
    found = (results.parts() if results.rows or may_be_empty else (), failed.parts() if failed.rows else ())
    return tuple(chain.from_iterable(found)), totals


def _without_ids(table: pa.Table) -> pa.Table:
    index = table.schema.get_field_index("custom_id")
    return table.set_column(index, table.schema.field(index), pa.nulls(table.num_rows, pa.string()))


class _OwnShards:
    """The job's own shards: their tables once, as a stream, and afterwards their records and models' digests."""

    def __init__(self, spec: JobSpec, shards: Iterable[CommittedShard]) -> None:
        self._spec, self._shards = spec, shards
        self.records: list[ShardRecord] = []
        self.dead: list[ShardRecord] = []
        self.digests: dict[str, set[str]] = {}

    def tables(self) -> Iterator[pa.Table]:
        for shard in self._shards:
            self.records.append(shard.record)
            if shard.tally.model_digest:
                name = self._spec.model_name_of(shard.tally.model)
                self.digests.setdefault(name, set()).add(shard.tally.model_digest)
            if succeeded_and_rest(shard.table)[1].num_rows:
                self.dead.append(shard.record)
            yield shard.table
