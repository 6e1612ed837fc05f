"""The size of an input from a few pieces of it."""

from __future__ import annotations

import gzip
import io
import json
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from fakes.retries import CONFIG, CREATED, finished, store_with_input
from llmbatch.core.input_size import InputSize
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.admission.sample import LARGE_PIECE_BYTES, PIECE_BYTES, PIECES, estimate_size
from llmbatch.orchestrator.inputs.readers import look
from llmbatch.orchestrator.intake.accept import request_of, resolve

ROWS = 20_000


class CountingStore(MemoryStore):
    """Counts the bytes that are read in pieces."""

    read = 0

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        body = super().read_range(uri, etag, start, length)
        self.read += len(body)
        return body


def estimated(store: MemoryStore, **conf: Any) -> InputSize | None:
    spec, inputs = resolve(
        request_of({}, conf or {"input_uri": "s3://b/in/"}),
        dag_id="d",
        run_id="r",
        created_at=CREATED,
        config=CONFIG,
        store=store,
    )
    if isinstance(store, CountingStore):
        store.read = 0
    return estimate_size(spec, inputs.objects, store)


def prompts(rows: int, *, is_sorted: bool = False) -> list[str]:
    lengths = [random.Random(n).randint(50, 450) for n in range(rows)]
    return ["x" * length for length in (sorted(lengths) if is_sorted else lengths)]


def jsonl(texts: list[str], **more: Any) -> bytes:
    return b"".join(json.dumps({"prompt": text, **more}).encode() + b"\n" for text in texts)


def openai(texts: list[str]) -> bytes:
    lines = []
    for number, text in enumerate(texts):
        body = {"messages": [{"role": "user", "content": text}], "max_tokens": 7}
        lines.append({"custom_id": str(number), "method": "POST", "url": "/v1/chat/completions", "body": body})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def csv(texts: list[str]) -> bytes:
    return b"prompt\n" + b"".join(b'"%s"\n' % text.encode() for text in texts)


def parquet(texts: list[str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"prompt": texts}), sink, row_group_size=5000)
    return sink.getvalue()


BODIES = {
    "a.jsonl": jsonl,
    "b.jsonl.gz": lambda texts: gzip.compress(jsonl(texts)),
    "c.jsonl.zst": lambda texts: zstandard.compress(jsonl(texts)),
    "d.openai.jsonl": openai,
    "e.csv": csv,
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("objects", [1, 3, 30])
def test_every_format_is_about_right_and_read_in_pieces(name: str, objects: int) -> None:
    store = CountingStore()
    texts = prompts(ROWS)
    each = ROWS // objects
    for n in range(objects):
        store.put(f"s3://b/in/{n:02d}-{name}", BODIES[name](texts[n * each : (n + 1) * each]))
    size = estimated(store)
    assert size is not None
    assert size.rows == pytest.approx(ROWS, rel=0.1)
    assert size.rows_low <= size.rows <= size.rows_high
    assert size.mean_chars == pytest.approx(250, rel=0.1)
    assert size.chars_deviation == pytest.approx(115, rel=0.15)
    assert sum(cell.rows for cell in size.cells) == pytest.approx(size.rows, rel=0.01)
    assert size.max_tokens == (7 if "openai" in name else 256)
    assert store.read <= PIECES * (PIECE_BYTES + 8)


@pytest.mark.parametrize("objects", [1, 5])
def test_a_small_input_is_counted(objects: int) -> None:
    store = MemoryStore()
    for n in range(objects):
        store.put(f"s3://b/in/{n}.jsonl", jsonl(prompts(100)) + b"broken\n")
    size = estimated(store)
    assert size is not None
    assert (size.rows, size.rows_low, size.rows_high, size.doubt) == (100 * objects,) * 3 + (0.0,)


def test_rows_sorted_by_length_are_seen_from_end_to_end() -> None:
    store = MemoryStore()
    texts = prompts(ROWS, is_sorted=True)
    store.put("s3://b/in/a.jsonl", jsonl(texts))
    size = estimated(store)
    assert size is not None
    chars = sum(map(len, texts))
    assert sum(cell.chars for cell in size.cells) == pytest.approx(chars, rel=0.1)
    assert size.rows_low < ROWS < size.rows_high
    assert size.doubt > 0.05


@pytest.mark.parametrize("objects", [1, 12])
def test_parquet_footers_are_exact(objects: int) -> None:
    store = MemoryStore()
    texts = prompts(ROWS // objects)
    for n in range(objects):
        store.put(f"s3://b/in/{n}.parquet", parquet(texts))
    size = estimated(store)
    assert size is not None
    assert size.rows == size.rows_low == size.rows_high == objects * len(texts)
    assert 0 < size.sampled_rows < 3000
    assert size.mean_chars == pytest.approx(250, rel=0.2)


def test_of_very_many_parquet_objects_some_footers_tell() -> None:
    store = MemoryStore()
    for n in range(100):
        store.put(f"s3://b/in/{n:03d}.parquet", parquet(prompts(20 + n % 5)))
    size = estimated(store)
    assert size is not None
    assert size.rows == pytest.approx(2200, rel=0.1)
    assert size.rows_low < size.rows < size.rows_high


def test_a_row_longer_than_a_piece() -> None:
    store = MemoryStore()
    store.put("s3://b/in/a.jsonl", jsonl(["x" * 300_000] * 40))
    size = estimated(store)
    assert size is not None
    assert size.rows == pytest.approx(40, rel=0.1)
    assert size.mean_chars == 300_000
    assert LARGE_PIECE_BYTES < 40 * 300_000


def test_invalid_rows_are_not_work() -> None:
    store = MemoryStore()
    store.put("s3://b/in/a.jsonl", (jsonl(["x" * 100]) + b"broken" * 20 + b"\n") * 20_000)
    size = estimated(store)
    assert size is not None
    assert size.rows == pytest.approx(20_000, rel=0.05)


def test_what_cannot_be_read_has_no_size() -> None:
    store = MemoryStore()
    store.put("s3://b/in/a.jsonl", jsonl(["fine"]))
    store.put("s3://b/in/b.jsonl", b"PK\x03\x04 something else\n")
    assert estimated(store) is None


def test_no_readable_row_is_no_size() -> None:
    store = MemoryStore()
    store.put("s3://b/in/a.jsonl", jsonl([" "]))
    assert estimated(store) is None


def test_a_retry_counts_the_rows_that_it_runs_again() -> None:
    store = store_with_input()
    parent = finished(store, "first", {2: "failed", 7: "expired"}, input_uri="s3://b/in.jsonl")
    size = estimated(store, retry_failed_of=parent.job_id, max_error_rate=0.5)
    assert size is not None
    assert (size.rows, size.rows_low, size.sampled_rows) == (2, 2, 2)


def test_a_sample_that_is_cut_is_an_estimate_from_what_was_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(look, "LOOK_LINES", 1500)
    store = MemoryStore()
    for part in range(3):
        store.put(f"s3://b/in/{part}.jsonl", jsonl(prompts(1000)))
    size = estimated(store)
    assert size is not None
    assert 1000 <= size.sampled_rows <= 1500
    assert size.rows_low < 3000 < size.rows_high
    assert "event=sample_cut" in caplog.text


def test_packed_blank_lines_end_the_look() -> None:
    store = MemoryStore()
    store.put("s3://b/in/0.jsonl.gz", gzip.compress(jsonl(["a question"] * 10) + b"\n" * 2**24))
    size = estimated(store)
    assert size is not None
    assert size.sampled_rows == 10


def test_a_job_on_a_sample_is_as_large_as_the_sample() -> None:
    store = MemoryStore()
    store.put("s3://b/in/a.jsonl", jsonl(prompts(ROWS)))
    whole = estimated(store)
    part = estimated(store, input_uri="s3://b/in/", sample_rows=100)
    assert whole is not None
    assert part is not None
    assert (part.rows, part.rows_low, part.rows_high) == (100, 100, 100)
    assert sum(cell.rows for cell in part.cells) == pytest.approx(100, abs=len(part.cells))
    assert part.mean_chars == whole.mean_chars
    assert estimated(store, input_uri="s3://b/in/", sample_rows=10_000) != whole
