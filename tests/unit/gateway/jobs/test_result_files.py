"""Delivered files: their list, their parts, their ranges."""

from __future__ import annotations

import pytest

from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_finished
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import OutputRecord, read_manifest
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.gateway.jobs import result_files
from llmbatch.gateway.jobs.result_files import (
    Span,
    chunks,
    error_outputs,
    files_of,
    name_of,
    output_named,
    span_of,
    stored_file,
    type_of,
)
from llmbatch.gateway.wire.failures import Failure

FILES = {"results-00000.jsonl": b"{}\n{}\n", "results-00001.jsonl": b"{}\n", "failed.jsonl": b"{}\n"}


def test_the_list_has_rows_sizes_and_kinds() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files=FILES)
    proof = read_manifest(spec.layout, gateway.store)
    gateway.store.delete(proof.outputs[1].uri)
    files = files_of(spec, proof, gateway.store)
    assert [(file.name, file.rows, file.bytes, file.kind) for file in files] == [
        ("results-00000.jsonl", 2, 6, "results"),
        ("results-00001.jsonl", 1, None, "results"),
        ("failed.jsonl", 1, 3, "errors"),
    ]


@pytest.mark.parametrize(
    ("output_format", "names"),
    [
        (OutputFormat.JSONL, ["failed.jsonl"]),
        (OutputFormat.OPENAI_BATCH, ["errors-00000.jsonl"]),
        (OutputFormat.PARQUET, ["failed.parquet"]),
    ],
)
def test_the_error_files_are_those_of_the_format(output_format: OutputFormat, names: list[str]) -> None:
    gateway = fake_gateway()
    every = dict.fromkeys(["failed.jsonl", "errors-00000.jsonl", "failed.parquet", "results.jsonl"], b"x")
    spec = put_finished(gateway, output_format=output_format, files=every)
    outputs = error_outputs(spec, read_manifest(spec.layout, gateway.store))
    assert [name_of(output) for output in outputs] == names


@pytest.mark.parametrize("name", ["", "..", "spec.json", "../spec.json", "results-00002.jsonl", "s3://b/base/x"])
def test_only_names_of_the_proof_are_files(name: str) -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, files=FILES)
    proof = read_manifest(JobLayout(spec.root_uri), gateway.store)
    assert output_named("failed.jsonl", proof).rows == 1
    with pytest.raises(Failure) as caught:
        output_named(name, proof)
    assert (caught.value.status, caught.value.code) == (404, "file_not_found")


def test_a_file_that_was_replaced_or_removed_is_a_conflict() -> None:
    store = MemoryStore()
    info = store.put("s3://b/x.jsonl", b"1")
    output = OutputRecord(uri=info.uri, rows=1, etag=info.etag)
    assert stored_file(output, "j", store).size == 1
    store.put(info.uri, b"2")
    with pytest.raises(Failure, match="replaced"):
        stored_file(output, "j", store)
    store.delete(info.uri)
    with pytest.raises(Failure, match="removed") as caught:
        stored_file(output, "j", store)
    assert caught.value.status == 409


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("bytes=0-3", Span(0, 4)),
        ("bytes=4-", Span(4, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-99", Span(0, 10)),
        ("bytes=8-99", Span(8, 10)),
        ("bytes=3-1", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=" + "9" * 50 + "-", None),
    ],
)
def test_one_range_is_honoured(header: str | None, span: Span | None) -> None:
    assert span_of(header, 10) == span


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-0", 0)])
def test_a_range_beyond_the_end_is_refused_with_the_size(header: str, size: int) -> None:
    with pytest.raises(Failure) as caught:
        span_of(header, size)
    assert (caught.value.status, caught.value.headers) == (416, {"Content-Range": f"bytes */{size}"})


def test_a_file_is_read_in_pieces_of_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_files, "CHUNK_BYTES", 4)
    store = MemoryStore()
    info: ObjectInfo = store.put("s3://b/x", b"0123456789")
    assert list(chunks(info, Span(0, 10), store)) == [b"0123", b"4567", b"89"]
    assert list(chunks(info, Span(3, 9), store)) == [b"3456", b"78"]
    assert list(chunks(info, Span(0, 0), store)) == []


def test_media_types() -> None:
    assert type_of("a.jsonl") == "application/x-ndjson"
    assert type_of("a.parquet") == "application/vnd.apache.parquet"
    assert type_of("a") == "application/octet-stream"
