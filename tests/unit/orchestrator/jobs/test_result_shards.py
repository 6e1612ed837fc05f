"""Committed result shards: read, checked, split."""

from __future__ import annotations

import pytest

from fakes.answered_jobs import NOW, answered, staged_job
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import StoreError
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
