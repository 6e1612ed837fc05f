"""The input's own columns of each shard's rows, as they are staged beside the shards.

They are read a second time, apart from the requests: a row that is left out of a sample costs nothing but its reading,
and no value passes through Python that has a type in Arrow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from llmbatch.core.errors import ObjectExists, RequestError
from llmbatch.core.identity import row_id_of
from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.rows import StagedRow
from llmbatch.core.shown import shown
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.keep import Keep
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.decoded_size import decoded_bytes
from llmbatch.orchestrator.inputs.readers.own_columns import own_columns
from llmbatch.orchestrator.inputs.readers.source import object_name
from llmbatch.orchestrator.inputs.readers.sources import sources
from llmbatch.orchestrator.jobs.column_types import plain_type, unified
from llmbatch.orchestrator.jobs.kept_columns import (
    NO_COLUMNS,
    PREFIX,
    ROW_ID,
    columns_of,
    encode_columns,
    joined,
    own_name,
    unified_schema,
)
from llmbatch.orchestrator.jobs.row_stream import RowStream
from llmbatch.orchestrator.staging.rows import failed_row

_log = logging.getLogger(__name__)


class ShardRows(NamedTuple):
    """The rows of one shard, and the own columns of those that have them; None if the job keeps none."""

    rows: list[StagedRow]
    columns: pa.Table | None = None


class KeptColumns:
    """The own columns of one job.

    Attributes:
        schema: of all shards so far.
        dropped: staged rows whose columns are too large or in an object that cannot be read whole.
    """

    def __init__(self, spec: JobSpec, keep: Keep, objects: Sequence[InputObject], store: ObjectStore) -> None:
        self._spec, self._keep, self._objects, self._store = spec, keep, objects, store
        self._too_large: dict[str, str] = {}
        self._unread: set[str] = set()
        self.schema = NO_COLUMNS
        self.dropped = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The columns by their names in the input."""
        return tuple(own_name(name) for name in self.schema.names)

    def beside(self, shards: Iterable[list[StagedRow]]) -> Iterator[ShardRows]:
        """Yield the shards with their own columns, streaming; one whose columns are too large is cut into several.

        The columns of a shard take about ``staging.shard_bytes`` at most. Where columns were asked for, a row whose
        columns are too large is a failed row.
        """
        stream = RowStream(self._tables())
        for rows in shards:
            ids = pa.array([row.row_id for row in rows], pa.string())
            start, size, held = 0, 0, list[pa.Table]()
            for piece in stream.up_to(rows[-1].row_id):
                mine = piece.filter(pc.is_in(piece[ROW_ID.name], value_set=ids))
                if held and size + mine.nbytes > self._spec.staging.shard_bytes:
                    last = held[-1][ROW_ID.name][-1].as_py()
                    end = sum(row.row_id <= last for row in rows)
                    yield self._shard(rows[start:end], held)
                    start, size, held = end, 0, []
                if mine.num_rows:
                    held.append(mine)
                    size += mine.nbytes
            yield self._shard(rows[start:], held)

    def write_schema(self) -> None:
        """Write names and types for the whole job, after all shards; equal ones are there if it was written before."""
        table = pa.schema([ROW_ID, *self.schema]).empty_table()
        try:
            self._store.create(self._spec.layout.kept_schema, encode_columns(table))
        except ObjectExists:
            _log.info("event=columns_staged_already job_id=%s columns=%d", self._spec.job_id, len(self.schema))
        if self.dropped:
            _log.warning(
                "event=columns_dropped job_id=%s rows=%d limit=%d; their own columns are null in the output. Raise "
                "staging.keep_bytes, or name the columns in keep_columns",
                self._spec.job_id,
                self.dropped,
                self._keep.max_bytes,
            )

    def _shard(self, rows: list[StagedRow], pieces: list[pa.Table]) -> ShardRows:
        schema = unified_schema(pieces)
        for piece in pieces:
            self._note(columns_of(piece.schema))
        columns = joined(pieces, schema)
        there = frozenset(columns[ROW_ID.name].to_pylist())
        for row in rows:
            is_unread = row.row_id.partition("-")[0] in self._unread and row.row_id not in there
            self.dropped += row.row_id in self._too_large or is_unread
        if self._keep.is_strict:
            rows = [self._checked(row) for row in rows]
        for row_id in [*takewhile(lambda row_id: row_id <= rows[-1].row_id, self._too_large)]:
            del self._too_large[row_id]
        return ShardRows(rows, columns)

    def _checked(self, row: StagedRow) -> StagedRow:
        problem = self._too_large.get(row.row_id)
        if problem is None or row.error is not None:
            return row
        name = object_name(self._objects[int(row.row_id.partition("-")[0])].uri, self._spec.request.source_uri)
        return failed_row(row, f"line {row.line} of {name}: {problem}", ErrorClass.TOO_LONG)

    def _note(self, schema: pa.Schema) -> None:
        """Add the columns of a piece to those of the job."""
        before, self.schema = self.schema, unified(self.schema, schema)
        for field in schema:
            kinds = [before.field(field.name).type if field.name in before.names else field.type, field.type]
            if kinds[0] != kinds[1] and self.schema.field(field.name).type == pa.string() != kinds[0]:
                _log.warning(
                    "event=column_types_differ job_id=%s column=%s types=%s; it is delivered as text",
                    self._spec.job_id,
                    shown(own_name(field.name)),
                    shown(" and ".join(map(str, kinds))),
                )

    def _tables(self) -> Iterator[pa.Table]:
        """Yield the columns of all objects, without the rows that are too large."""
        builder = RequestBuilder.of(self._spec)
        for source in sources(self._objects, builder, self._store):
            try:
                for table in own_columns(source, self._spec.input_format, self._keep):
                    yield _plain(self._within_limit(table))
            except (RequestError, pa.ArrowException) as error:
                if self._keep.is_strict and isinstance(error, RequestError):
                    raise
                if self._keep.is_strict:
                    raise source.unreadable("has columns that cannot be read", f"{error}. Write it again.") from error
                self._unread.add(row_id_of(source.index, 0).partition("-")[0])
                _log.warning(
                    "event=columns_unreadable job_id=%s uri=%s error=%s; its rows come back without own columns",
                    self._spec.job_id,
                    shown(source.obj.uri),
                    shown(str(error)),
                )

    def _within_limit(self, table: pa.Table) -> pa.Table:
        found = [*_too_large(table, 0, self._keep.max_bytes)]
        if not found:
            return table
        for index in found:
            row = table.slice(index, 1)
            self._too_large[row[ROW_ID.name][0].as_py()] = self._problem(row)
        return table.filter(pc.invert(pc.is_in(pa.array(range(table.num_rows)), value_set=pa.array(found))))

    def _problem(self, row: pa.Table) -> str:
        sizes = {name: _bytes(row[name]) for name in columns_of(row.schema).names}
        largest = max(sizes, key=lambda name: sizes[name])
        return (
            f"the columns that keep_columns asks for take {sum(sizes.values())} bytes (`{largest:.80}`: "
            f"{sizes[largest]}), more than {self._keep.max_bytes}. Name fewer columns, or shorten the value"
        )


def _too_large(table: pa.Table, start: int, most: int) -> Iterator[int]:
    """Yield the index of each row whose columns take more; halves that take less as a whole are not looked into."""
    if sum(_bytes(table[name]) for name in columns_of(table.schema).names) <= most:
        return
    if table.num_rows == 1:
        yield start
        return
    half = table.num_rows // 2
    yield from _too_large(table.slice(0, half), start, most)
    yield from _too_large(table.slice(half), start + half, most)


def _bytes(column: pa.ChunkedArray) -> int:
    """Return what the values take in Arrow, a text that a dictionary repeats each time."""
    return sum(decoded_bytes(chunk, 0) for chunk in column.chunks)


def _plain(table: pa.Table) -> pa.Table:
    """Return the table under the stored names of its columns, without dictionaries."""
    names = [field.name if field.name == ROW_ID.name else f"{PREFIX}{field.name}" for field in table.schema]
    columns = [column.cast(plain_type(column.type)) for column in table.columns]
    return pa.Table.from_arrays(columns, names=names)
