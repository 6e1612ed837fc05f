"""Formats and columns, from names and first bytes."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from fakes.input_rows import chat_line, user
from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import InputObject
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.formats import peek_columns, resolve_columns, sniff_format

OPENAI = b'{"custom_id": "a", "body": {}, "url": "/v1/completions"}\n'
REQUEST = JobRequest(input_uri="s3://b/a")
NO_ID = b'{"method": "POST", "url": "/v1/chat/completions", "body": {}}\n'
PLAIN = b'{"prompt": "a", "id": 1}\n'


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"prompt": ["a"], "id": [1]}), sink)
    return sink.getvalue()


def put(name: str, body: bytes) -> tuple[MemoryStore, InputObject]:
    store = MemoryStore()
    info = store.put(f"s3://b/{name}", body)
    return store, InputObject(uri=info.uri, etag=info.etag, size=info.size)


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("a.parquet", b"", InputFormat.PARQUET),
        ("A.PQ", b"", InputFormat.PARQUET),
        ("a.csv", b"", InputFormat.CSV),
        ("a.tsv.gz", b"", InputFormat.CSV),
        ("a.csv.zst", b"", InputFormat.CSV),
        ("a.jsonl", OPENAI, InputFormat.OPENAI_BATCH),
        ("a.jsonl", b"\xef\xbb\xbf\n\nbroken\n" + OPENAI, InputFormat.OPENAI_BATCH),
        ("a.jsonl", PLAIN, InputFormat.JSONL),
        ("a.jsonl", b"", InputFormat.JSONL),
        ("a.jsonl.gz", gzip.compress(OPENAI, mtime=0), InputFormat.OPENAI_BATCH),
        ("a.ndjson.zst", zstandard.compress(PLAIN), InputFormat.JSONL),
        ("a.jsonl", NO_ID + OPENAI, InputFormat.OPENAI_BATCH),
        ("a.jsonl", b'{"meta": 1}\n' + OPENAI, InputFormat.OPENAI_BATCH),
        ("a.jsonl", OPENAI + PLAIN * 2, InputFormat.JSONL),
        ("noextension", OPENAI, InputFormat.OPENAI_BATCH),
        ("part-0", parquet(), InputFormat.PARQUET),
    ],
)
def test_sniff(name: str, body: bytes, expected: InputFormat) -> None:
    assert sniff_format(*put(name, body)) is expected


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("a.txt", b"hello\n", "auto cannot determine the format of s3://b/a.txt"),
        ("a.json", b'[{"prompt": "a"}]', "one JSON document"),
        ("a.json", b'{\n "prompt": "a"\n}', "one JSON document"),
        ("a.json", b'[\n{"prompt": "a"},\n{"prompt": "b"}\n]', "one JSON document"),
        ("a.jsonl", b"{'prompt': 'a'}\n{'prompt': 'b'}", r"not JSON lines: line 1: not JSON \(expecting property name"),
    ],
)
def test_sniff_refuses(name: str, body: bytes, reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        sniff_format(*put(name, body))


@pytest.mark.parametrize(
    ("body", "fmt", "expected"),
    [
        (parquet(), InputFormat.PARQUET, ("prompt", "id")),
        (b"\xef\xbb\xbfid, prompt\n", InputFormat.CSV, ("id", "prompt")),
        (PLAIN, InputFormat.JSONL, ("prompt", "id")),
        (OPENAI, InputFormat.OPENAI_BATCH, ("custom_id", "body", "url")),
        (b"", InputFormat.CSV, ()),
        (b"", InputFormat.JSONL, ()),
    ],
)
def test_peek_columns(body: bytes, fmt: InputFormat, expected: tuple[str, ...]) -> None:
    assert peek_columns(*put("a", body), fmt, REQUEST).names == expected


def test_peek_columns_of_a_file_that_is_not_parquet() -> None:
    with pytest.raises(RequestError, match="is not a Parquet file"):
        peek_columns(*put("a", b"x"), InputFormat.PARQUET, REQUEST)


def test_any_column_name_can_be_shown() -> None:
    store, obj = put("a.jsonl", b'{"\\ud800": 1, "' + b"n" * 5000 + b'": 2}\n')
    with pytest.raises(RequestError, match="has none of") as caught:
        resolve_columns(JobRequest(input_uri=obj.uri), InputFormat.JSONL, [obj], store)
    assert len(str(caught.value).encode()) < 1000


def test_a_first_line_may_hold_an_image() -> None:
    store = MemoryStore()
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 8_000_000}}
    info = store.put("s3://b/in/a.jsonl", chat_line("a", user([part])))
    item = InputObject(uri=info.uri, etag=info.etag, size=info.size)
    assert sniff_format(store, item) is InputFormat.OPENAI_BATCH
