"""An input object that cannot be read at all is an error of the request."""

from __future__ import annotations

import pytest

from fakes.input_rows import rows_of
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat


@pytest.mark.parametrize(
    ("body", "fmt", "reason"),
    [
        (b"id,problem\n1,a\n", InputFormat.CSV, "has no column `messages` or `conversations`"),
        (b"prompt,prompt\n1,a\n", InputFormat.CSV, "names the column `prompt` twice"),
        (b'"prompt\n', InputFormat.CSV, "no readable header"),
        (b"not parquet at all", InputFormat.PARQUET, "is not a Parquet file"),
        (b"", InputFormat.PARQUET, "is not a Parquet file"),
        (b"PAR1....", InputFormat.JSONL, "is a Parquet file"),
        ("{}".encode("utf-16"), InputFormat.JSONL, "is UTF-16"),
        (b"PK\x03\x04", InputFormat.CSV, "is a zip archive"),
        (b"\x1f\x8bgarbage", InputFormat.JSONL, "the gzip data is damaged"),
        (b"\x28\xb5\x2f\xfdgarbage", InputFormat.JSONL, "the zstd data"),
    ],
)
def test_unreadable_object_is_a_request_error(body: bytes, fmt: InputFormat, reason: str) -> None:
    with pytest.raises(RequestError, match=r"input_uri: s3://b/in/a.txt") as error:
        rows_of(body, fmt)
    assert reason in str(error.value)
