"""The rows of a finished job that did not succeed, as JSON lines in the job's own format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.gateway.jobs.result_files import Span, chunks

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 256


def error_lines(files: tuple[ObjectInfo, ...], store: ObjectStore) -> Iterator[bytes]:
    """Yield the lines of all error files; those of Parquet are converted, row by row, to JSON with its columns."""
    for info in files:
        if info.uri.endswith(".parquet"):
            yield from _parquet_lines(info, store)
        else:
            yield from chunks(info, Span(0, info.size), store)


def _parquet_lines(info: ObjectInfo, store: ObjectStore) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    from llmbatch.orchestrator.inputs.readers.range_file import RangeFile

    file = RangeFile(store, InputObject(uri=info.uri, etag=info.etag, size=info.size))
    for batch in pq.ParquetFile(file).iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
        yield b"".join(_lines(batch))


def _lines(batch: pa.RecordBatch) -> Iterator[bytes]:
    import pyarrow as pa

    from llmbatch.orchestrator.publishing.json_columns import json_column, json_line

    names = batch.schema.names
    columns = [json_column(pa.chunked_array([column]), name) for name, column in zip(names, batch.columns, strict=True)]
    for values in zip(*columns, strict=True):
        row = dict(zip(names, values, strict=True))
        yield json_line(row, names).encode() + b"\n"
