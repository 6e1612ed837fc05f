"""Writes shards create-only, several at a time, so that the store's latency does not add up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import pyarrow as pa

from llmbatch.core.errors import ObjectExists, StagedConflict
from llmbatch.core.identity import shard_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.length_cells import LengthClass, class_of
from llmbatch.core.length_sums import RowSums, pack_rows
from llmbatch.core.read_ahead import in_order
from llmbatch.core.rows import StagedRow
from llmbatch.core.shards import StagedShard
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.kept_columns import encode_columns
from llmbatch.orchestrator.jobs.staged_shards import decode_shard, encode_shard
from llmbatch.orchestrator.staging.kept import ShardRows

_IN_FLIGHT = 16


class ShardWriter:
    """Writes the shards of one job. A shard that exists already, from an earlier attempt, must hold the same rows."""

    def __init__(self, store: ObjectStore, layout: JobLayout) -> None:
        self._store, self._layout = store, layout
        self._present = {info.uri: info.etag for info in store.list(layout.staged)}

    def write_all(self, shards: Iterable[ShardRows]) -> Iterator[StagedShard]:
        """Yield the record of every shard in order, at most 16 of them in flight.

        Raises:
            StagedConflict: a shard with other rows exists.
            StoreError: the store failed.
        """
        return in_order(self._write, enumerate(shards), in_flight=_IN_FLIGHT, name="stage")

    def _write(self, numbered: tuple[int, ShardRows]) -> StagedShard:
        index, (rows, columns) = numbered
        shard_id = shard_id_of(index)
        if columns is not None:
            self._create(self._layout.kept_shard(shard_id), encode_columns(columns))
        etag = self._create(self._layout.staged_shard(shard_id), encode_shard(rows))
        valid = [row for row in rows if row.error_class is None]
        return StagedShard(
            shard_id=shard_id,
            rows=len(rows),
            invalid_rows=len(rows) - len(valid),
            input_chars=sum(row.input_chars for row in rows),
            etag=etag,
            lengths=_lengths(valid),
        )

    def _create(self, uri: str, body: bytes) -> str:
        """Write the object unless an equal one is there; return its ETag."""
        etag = self._present.get(uri)
        if etag is None:
            try:
                return self._store.create(uri, body).etag
            except ObjectExists:
                etag = self._store.head(uri).etag
        self._check_same(uri, etag, body)
        return etag

    def _check_same(self, uri: str, etag: str, body: bytes) -> None:
        """Compare by ETag (the MD5 of an object written in one request), else by bytes, else by rows."""
        if etag == hashlib.md5(body, usedforsecurity=False).hexdigest():
            return
        found = self._store.get(uri)
        if found == body:
            return
        try:
            same = decode_shard(found).equals(decode_shard(body))
        except (pa.ArrowException, OSError):
            same = False
        if not same:
            raise StagedConflict(uri)


def _lengths(rows: Iterable[StagedRow]) -> str:
    """Sum rows and characters by length class, with the longest allowed answer."""
    sums: dict[LengthClass, RowSums] = {}
    for row in rows:
        limit = row.answer_limit
        kind = class_of(row.input_chars, limit)
        rows_, chars, most = sums.get(kind, (0, 0, 0))
        sums[kind] = RowSums(rows_ + 1, chars + row.input_chars, max(most, limit))
    return pack_rows(sums)
