"""Staged and result shards as Parquet."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest

from fakes.tallies import tally
from llmbatch.cluster.replica.row_outcome import failed
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_table import read_staged_shard, read_tally, result_schema, write_results
from llmbatch.core.clock import ManualClock
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import InputChanged, StoreError
from llmbatch.core.store import MemoryStore

URI = "s3://bucket/shard-00000.parquet"


class RangeStore(MemoryStore):
    """Remembers how many bytes were read at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[int] = []

    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        self.reads.append(length)
        return super().read_range(uri, etag, start, length)


def test_a_staged_shard_gives_its_rows_in_order_and_no_other_version(store: MemoryStore, make: Any) -> None:
    rows = [make.chat(2, "b", max_tokens=5), make.staged(1, Endpoint.COMPLETIONS, "{broken", "invalid")]
    job = make.stage(store, rows, 2)
    context = JobContext("job-1", 1, job.layout, store, ManualClock())
    [shard] = job.manifest.shards
    assert read_staged_shard(context, shard) == rows
    with pytest.raises(InputChanged):
        read_staged_shard(context, shard.model_copy(update={"etag": "another"}))


def test_rows_are_written_in_order_with_one_schema(store: MemoryStore, make: Any, read_results: Any) -> None:
    results = [failed(make.chat(n, "x"), "engine", "broken") for n in (3, 1, 2)]
    store.put(URI, write_results(results, tally(0)))
    table = read_results(URI)
    assert table.schema.remove_metadata() == result_schema()
    assert table.column("line").to_pylist() == [3, 1, 2]


@pytest.mark.parametrize(("model", "requests"), [("m", 1), ("m" * 100_000, 2)])
def test_a_tally_is_read_from_the_end_of_a_large_object(make: Any, model: str, requests: int) -> None:
    store, counted = RangeStore(), tally(0).model_copy(update={"model": model})
    rows = [failed(make.chat(n, f"{n * 7919 % 104729} " * 40), "engine", f"broken {n}") for n in range(3000)]
    info = store.put(URI, write_results(rows, counted))
    assert read_tally(store, info) == counted
    assert len(store.reads) == requests
    assert store.reads[0] <= 32 * 1024 < info.size


def test_a_parquet_file_without_a_tally_is_an_error(store: MemoryStore, tmp_path: Any) -> None:
    pq.write_table(result_schema().empty_table(), tmp_path / "t")
    info = store.put(URI, (tmp_path / "t").read_bytes())
    with pytest.raises(StoreError, match=f"{URI} is not a result shard"):
        read_tally(store, info)
