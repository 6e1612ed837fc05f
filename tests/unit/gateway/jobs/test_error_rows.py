"""Rows without an answer as JSON lines, whatever the job delivered."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.store import MemoryStore
from llmbatch.gateway.jobs.error_rows import error_lines


def test_lines_of_several_files_follow_each_other() -> None:
    store = MemoryStore()
    files = tuple(store.put(f"s3://b/failed-0000{n}.jsonl", b'{"n":%d}\n' % n) for n in range(2))
    assert b"".join(error_lines(files, store)) == b'{"n":0}\n{"n":1}\n'


def test_parquet_becomes_lines_batch_by_batch() -> None:
    store = MemoryStore()
    rows = [
        {"row_id": f"{n}", "error": "ä\n", "when": pa.scalar(n, pa.date32()).as_py(), "x": float("nan")}
        for n in range(600)
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    info = store.put("s3://b/failed.parquet", sink.getvalue())
    parts = list(error_lines((info,), store))
    lines = [json.loads(line) for line in b"".join(parts).splitlines()]
    assert (len(parts), len(lines)) == (3, 600)
    assert lines[1] == {"row_id": "1", "error": "ä\n", "when": "1970-01-02", "x": None}
