"""Bounds what a Parquet file takes in memory, by the pages themselves: a footer can hold any figure.

The guard follows the decoder's reads and looks at the header of every page before the decoder gets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from llmbatch.orchestrator.inputs.readers.page_header import DELTA_BYTE_ARRAY, PageHeader, ReadAt, read_page_header
from llmbatch.orchestrator.inputs.readers.source import Source

PAGE_BYTES = 256 * 2**20
"""Most bytes that one page may take when it is unpacked. Writers begin a new page at 1 MiB, some after 1,024 values."""
BATCH_BYTES = 512 * 2**20
"""Most bytes of all pages that one batch of rows is decoded from."""
REPEATED_BYTES = 64 * 2**20
"""Most bytes of a batch if every row has the largest value of a dictionary, which a row repeats in a few bits."""
PREFIXED_PAGE_BYTES = 8 * 2**20
"""Most bytes of a page in which every value may repeat the one before it."""
CHUNK_VALUES = 16 * 2**20
"""Most values that a column of lists may have in one row group: a single row can hold all of them."""

_ROWS = 1024
_ROWS_BYTES = 8 * 2**20
_FIX = "Write it again with smaller pages and row groups (pyarrow: data_page_size, row_group_size)."


@dataclass
class _Chunk:
    """One column in one row group: where it is, and the offset of its next page that was not looked at."""

    name: str
    is_repeated: bool
    has_prefixes: bool
    start: int
    end: int
    next: int


class PageGuard:
    """Guards the columns that are read; ``read`` returns bytes of the file at an offset. Sizes are unpacked bytes.

    All methods raise ``RequestError`` for a page, a row group or a batch above its limit, ``ValueError`` for damage.
    """

    def __init__(self, source: Source, table: pq.ParquetFile, columns: list[str], read: ReadAt) -> None:
        self._source, self._read = source, read
        self._meta, self._schema = table.metadata, table.schema
        self._leaves = [
            index
            for index in range(len(self._schema))
            if any(f"{self._schema.column(index).path}.".startswith(f"{name}.") for name in columns)
        ]
        self._chunks: list[_Chunk] = []
        self._bytes = 0

    @property
    def texts_in_lists(self) -> list[str]:
        """Paths of the texts that a row may have any number of: decoded as indexes into a dictionary, not repeated."""
        leaves = (self._schema.column(index) for index in self._leaves)
        return [leaf.path for leaf in leaves if leaf.max_repetition_level and leaf.physical_type == "BYTE_ARRAY"]

    def enter(self, group: int) -> int:
        """Begin a row group; return how many of its rows to decode at once."""
        meta = self._meta.row_group(group)
        rows = min(_ROWS, _ROWS_BYTES // max(1, int(meta.total_byte_size) // max(1, int(meta.num_rows))))
        self._chunks, self._bytes = [], 0
        texts = self.texts_in_lists
        for index in self._leaves:
            column, leaf = meta.column(index), self._schema.column(index)
            start = int(column.data_page_offset)
            if column.has_dictionary_page and 0 < int(column.dictionary_page_offset) < start:
                start = int(column.dictionary_page_offset)
            end = start + int(column.total_compressed_size)
            has_prefixes = "DELTA_BYTE_ARRAY" in column.encodings
            chunk = _Chunk(leaf.path, bool(leaf.max_repetition_level), has_prefixes, start, end, start)
            self._chunks.append(chunk)
            width = max(0, int(leaf.length)) if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" else 0
            values = int(column.num_values)
            if chunk.is_repeated and (values > CHUNK_VALUES or values * width > BATCH_BYTES):
                self._refuse(chunk, f"has {values} values in one row group", f"{CHUNK_VALUES} or {_mib(BATCH_BYTES)}")
            if width > REPEATED_BYTES:
                self._refuse(chunk, f"has values of {width} bytes", _mib(REPEATED_BYTES))
            repeated = max(width, PREFIXED_PAGE_BYTES if has_prefixes else 0)
            if start < end and values:
                first = self._header(chunk)
                if first.is_dictionary and leaf.path not in texts:  # those are not repeated in memory
                    repeated = max(repeated, first.plain_bytes)
            rows = min(rows, REPEATED_BYTES // max(1, repeated))
        return max(1, rows)

    def look(self, offset: int, size: int) -> None:
        """Check the pages that begin in the bytes that the decoder reads now."""
        for chunk in self._chunks:
            if offset < chunk.end and chunk.next < offset + size:
                for page in self._pages(chunk, min(chunk.end, offset + size)):
                    self._bytes += page.plain_bytes
                    if self._bytes > BATCH_BYTES:
                        self._refuse(chunk, "has rows of which a few take", _mib(BATCH_BYTES))

    def batch_done(self) -> None:
        """Count the pages of the next batch from zero."""
        self._bytes = 0

    def _pages(self, chunk: _Chunk, until: int) -> Iterator[PageHeader]:
        while chunk.next < until:
            page = self._header(chunk)
            chunk.next = page.end + page.stored_bytes
            yield page

    def _header(self, chunk: _Chunk) -> PageHeader:
        page = read_page_header(self._read, chunk.next)
        if page.is_dictionary and chunk.next != chunk.start:
            raise ValueError("a dictionary behind other pages")
        most = REPEATED_BYTES if page.is_dictionary else PAGE_BYTES
        if page.encoding == DELTA_BYTE_ARRAY and not page.is_dictionary:
            most = PREFIXED_PAGE_BYTES if chunk.has_prefixes and not chunk.is_repeated else 0
        if max(page.plain_bytes, page.stored_bytes) > most:
            what = "a dictionary" if page.is_dictionary else "a page"
            encoding = " of encoding DELTA_BYTE_ARRAY" if page.encoding == DELTA_BYTE_ARRAY else ""
            self._refuse(chunk, f"has {what}{encoding} of {page.plain_bytes} bytes", _mib(most))
        if page.values > CHUNK_VALUES and (page.is_dictionary or chunk.is_repeated):
            self._refuse(chunk, f"has a page of {page.values} values", str(CHUNK_VALUES))
        return page

    def _refuse(self, chunk: _Chunk, problem: str, limit: str) -> None:
        what = f"takes too much memory: column `{chunk.name}` {problem}, more than {limit}"
        raise self._source.unreadable(what, _FIX)


def _mib(size: int) -> str:
    return f"{size // 2**20} MiB unpacked"
