"""Some rows of one Parquet object of a job, with bounds on what is read and held: for pages, which show a few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import ObjectInfo, ObjectStore

MOST_BYTES = 32 * 2**20
"""Bytes of the columns of one row group, as stored and as text. A larger one is not read."""
TEXT_CHARS = 2000
"""Characters of one text that a page shows."""

_BATCH_ROWS = 64

Row = Mapping[str, object]


class TooLarge(Exception):
    """The rows are not read, for they may fill the memory of this process."""


def rows_of(info: ObjectInfo, columns: Sequence[str], store: ObjectStore) -> Iterator[Row]:
    """Yield the rows of an object, group by group. Blocks.

    Raises:
        TooLarge: the columns of the next group are larger than ``MOST_BYTES``.
        StoreError: the store failed.
        ArrowException, OSError: it is not Parquet, or lacks a column.
    """
    # here, because only some requests need them
    import pyarrow.parquet as pq

    from llmbatch.orchestrator.inputs.readers.range_file import RangeFile

    file = pq.ParquetFile(RangeFile(store, InputObject(uri=info.uri, etag=info.etag, size=info.size)))
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        parts = [group.column(index) for index in range(group.num_columns)]
        sizes = [
            max(part.total_compressed_size, part.total_uncompressed_size)
            for part in parts
            if part.path_in_schema in columns
        ]
        if sum(sizes) > MOST_BYTES:
            raise TooLarge
        for batch in file.iter_batches(_BATCH_ROWS, row_groups=[number], columns=list(columns), use_threads=False):
            yield from batch.to_pylist()


def first_rows(info: ObjectInfo, columns: Sequence[str], most: int, store: ObjectStore) -> tuple[Row, ...]:
    """Return the first rows of an object. Raises as ``rows_of`` does."""
    return tuple(islice(rows_of(info, columns, store), most))


def cut(text: str, most: int = TEXT_CHARS) -> str:
    """Return the beginning of a text, with its length if it is cut."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
