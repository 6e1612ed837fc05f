"""The pages of files that Arrow writes, as their headers describe them."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmbatch.orchestrator.inputs.readers.page_header import DELTA_BYTE_ARRAY, read_page_header


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("encoding", [None, "DELTA_BYTE_ARRAY"])
def test_the_headers_of_a_column_add_up_to_what_its_footer_says(version: str, encoding: str | None) -> None:
    table = pa.table({"prompt": [f"q{number % 100}" for number in range(3000)], "list": [[1, 2]] * 3000})
    sink = io.BytesIO()
    options = {"use_dictionary": False, "column_encoding": {"prompt": encoding}} if encoding else {}
    pq.write_table(table, sink, data_page_version=version, data_page_size=2000, write_page_checksum=True, **options)
    body = sink.getvalue()
    for index in range(2):
        column = pq.read_metadata(sink).row_group(0).column(index)
        at = column.dictionary_page_offset or column.data_page_offset
        end, size, values, encodings = at + column.total_compressed_size, 0, 0, set()
        while at < end:
            page = read_page_header(lambda offset, length: body[offset : offset + length], at)
            size += page.end - at + page.plain_bytes
            values += 0 if page.is_dictionary else page.values
            encodings.add(page.encoding)
            at = page.end + page.stored_bytes
        assert (at, size, values) == (end, column.total_uncompressed_size, column.num_values)
        assert (DELTA_BYTE_ARRAY in encodings) == (encoding is not None and index == 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x15",
        b"\xff" * 50,
        b"\x15\x00\x15" + b"\xff" * 20,
        b"\x11" * 5000,
        b"\x19\xf9" * 500,
        b"\x1c" * 99,
    ],
    ids=["empty", "stop", "short", "unknown", "number", "many", "lists", "structs"],
)
def test_what_is_no_header_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="no page header"):
        read_page_header(lambda offset, length: data[offset : offset + length], 0)
