"""An empty first part says nothing about the input."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import InputObject
from llmbatch.core.request_options import CsvOptions, InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.first_rows import first_with_rows
from llmbatch.orchestrator.inputs.formats import resolve_columns, resolve_format
from llmbatch.orchestrator.inputs.readers import look

OPENAI = b'{"custom_id": "a", "body": {}, "url": "/v1/completions"}\n'
REQUEST = JobRequest(input_uri="s3://b/")
TEXT = b'{"text": "a", "n": 1}\n'


def put(store: MemoryStore, ending: str, *bodies: bytes) -> tuple[InputObject, ...]:
    infos = [store.put(f"s3://b/part-{index}{ending}", body) for index, body in enumerate(bodies)]
    return tuple(InputObject(uri=info.uri, etag=info.etag, size=info.size) for info in infos)


def parquet(**columns: list[str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("ending", "bodies", "fmt", "column"),
    [
        (".jsonl.gz", [gzip.compress(b""), gzip.compress(TEXT)], InputFormat.JSONL, "text"),
        (".jsonl.gz", [gzip.compress(b""), gzip.compress(OPENAI)], InputFormat.OPENAI_BATCH, None),
        (".jsonl", [b"\n\n", b" \n", TEXT], InputFormat.JSONL, "text"),
        ("", [parquet(a=[], n=[]), parquet(text=["a"], n=["b"])], InputFormat.PARQUET, "text"),
        (".csv", [b"\n", b"a,b\n", b"n,text\n1,a\n"], InputFormat.CSV, "text"),
        (".parquet", [parquet(a=[], b=[]), parquet(n=["1"], text=["a"])], InputFormat.PARQUET, "text"),
    ],
)
def test_format_and_columns_are_those_of_the_first_object_with_a_row(
    ending: str, bodies: list[bytes], fmt: InputFormat, column: str | None
) -> None:
    store = MemoryStore()
    objects, request = put(store, ending, *bodies), REQUEST
    assert resolve_format(request, objects, store) is fmt
    assert resolve_columns(request, fmt, objects, store).prompt_column == column


def test_without_a_row_it_is_the_first_object() -> None:
    store = MemoryStore()
    objects = put(store, ".jsonl", b"\n", b"\n")
    assert first_with_rows(store, objects, InputFormat.JSONL, REQUEST) == objects[0]


def test_it_does_not_look_at_empty_objects_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "LOOK_LINES", 20)
    store = MemoryStore()
    objects = put(store, ".jsonl", *[b"\n" * 5] * 9, TEXT)
    with pytest.raises(RequestError, match=r"the look at s3://b/part-4.jsonl ended after 20 lines"):
        first_with_rows(store, objects, InputFormat.JSONL, REQUEST)


@pytest.mark.parametrize(
    ("options", "empty", "filled"),
    [
        (CsvOptions(), b"sep=;\na;b\n", b"sep=;\na;b\n1;2\n"),
        (CsvOptions(), b'"a\nb",c\n', b'"a\nb",c\n1,2\n'),
        (CsvOptions(header=False), b"\n", b"a,b\n"),
        (CsvOptions(encoding="utf-16"), "a,b\n".encode("utf-16"), "a,b\n1,2\n".encode("utf-16")),
    ],
)
def test_a_csv_header_is_not_a_row(options: CsvOptions, empty: bytes, filled: bytes) -> None:
    store = MemoryStore()
    objects = put(store, ".csv", empty, filled)
    request = REQUEST.model_copy(update={"csv": options})
    assert first_with_rows(store, objects, InputFormat.CSV, request) == objects[1]
