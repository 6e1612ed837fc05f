"""Committed result shards: read, checked, split."""

from __future__ import annotations

import pytest

from fakes.answered_jobs import NOW, answered, staged_job
from fakes.results import put_result
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import StoreError
from llmbatch.orchestrator.jobs.result_shards import read_result, succeeded_and_rest, tally_of, with_model
from llmbatch.orchestrator.publishing.publish import publish


@pytest.mark.parametrize("body", [b"not parquet", None])
def test_another_object_in_place_of_a_result_shard(body: bytes | None) -> None:
    spec, store = staged_job()
    answered(spec, store)
    if body is None:  # a staged shard where a result should be
        body = store.get(spec.layout.staged_shard("shard-00001"))
    store.put(spec.layout.result_shard("shard-00001"), body)
    with pytest.raises(StoreError, match=r"shard-00001\.parquet is not a result shard"):
        publish(spec, store, ManualClock(NOW))


def test_a_shard_has_its_tally_and_the_model_of_its_rows() -> None:
    spec, store = staged_job()
    put_result(spec, store, "shard-00000", answered(spec, store)["shard-00000"], model="hub/small")
    uri = spec.layout.result_shard("shard-00000")
    table = read_result(store, uri)
    assert (tally_of(uri, table).shard_id, tally_of(uri, table).rows) == ("shard-00000", 4)
    named = with_model(table, spec, uri)
    assert (named["model"].to_pylist(), named.schema.metadata) == (["small"] * 4, None)
    with pytest.raises(StoreError, match=rf"{uri} has no shard tally"):
        tally_of(uri, named)


def test_rows_are_split_by_success() -> None:
    spec, store = staged_job()
    rows = answered(spec, store)["shard-00000"]
    for row, state in zip(rows, ("succeeded", "failed", "expired", "cancelled"), strict=True):
        row["state"] = state
    put_result(spec, store, "shard-00000", rows)
    good, rest = succeeded_and_rest(read_result(store, spec.layout.result_shard("shard-00000")))
    assert good["line"].to_pylist() == [1]
    assert rest["line"].to_pylist() == [2, 3, 4]
