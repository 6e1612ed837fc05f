"""Committed shards against staged ones: every row once, in input order."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from fakes.answered_jobs import NOW, answered, staged_job
from fakes.delivered import lines
from fakes.results import put_result
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ReconcileError, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.read_ahead import in_order
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.result_shards import IN_FLIGHT
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.publishing import committed
from llmbatch.orchestrator.publishing.committed import committed_shards
from llmbatch.orchestrator.publishing.publish import publish


def test_rows_in_another_order_are_put_back() -> None:
    spec, store = staged_job()
    shards = answered(spec, store)
    put_result(spec, store, "shard-00000", shards["shard-00000"][::-1])
    publish(spec, store, ManualClock(NOW))
    assert [row["line"] for row in lines(store, "results.jsonl")] == list(range(1, 10))


def _drop_shard(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    del store.objects[spec.layout.result_shard("shard-00001")]


def _drop_row(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    put_result(spec, store, "shard-00001", shards["shard-00001"][1:])


def _double_row(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    put_result(spec, store, "shard-00001", [*shards["shard-00001"], shards["shard-00001"][0]])


def _foreign_row(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    put_result(spec, store, "shard-00001", [*shards["shard-00001"][:3], shards["shard-00000"][0]])


def _foreign_shard(spec: JobSpec, store: MemoryStore, shards: dict[str, list[dict]]) -> None:
    put_result(spec, store, "shard-00009", shards["shard-00000"])


@pytest.mark.parametrize(
    ("damage", "missing", "duplicates", "shard"),
    [
        (_drop_shard, 4, 0, "shard-00001"),
        (_drop_row, 1, 0, "shard-00001"),
        (_double_row, 0, 1, "shard-00001"),
        (_foreign_row, 1, 1, "shard-00001"),
        (_foreign_shard, 0, 4, "shard-00009"),
    ],
)
def test_no_proof_and_no_output_without_every_row_once(damage, missing: int, duplicates: int, shard: str) -> None:
    spec, store = staged_job()
    damage(spec, store, answered(spec, store))
    with pytest.raises(ReconcileError, match=shard) as error:
        publish(spec, store, ManualClock(NOW))
    assert (error.value.missing, error.value.duplicates) == (missing, duplicates)
    assert not [uri for uri in store.objects if uri.startswith("s3://b/out") or "/failed/" in uri]
    assert spec.layout.manifest not in store.objects


def test_shards_come_in_input_order_with_their_records_and_models() -> None:
    spec, store = staged_job()
    answered(spec, store)
    staged = load_staged(spec, store)
    assert staged is not None
    shards = list(committed_shards(spec, store, staged))
    assert [line for shard in shards for line in shard.table["line"].to_pylist()] == list(range(1, 11))
    assert [(shard.record.rows, shard.record.generation) for shard in shards] == [(4, 2), (4, 2), (2, 2)]
    assert [shard.record.etag for shard in shards] == [store.head(shard.record.key).etag for shard in shards]
    assert {model for shard in shards for model in shard.table["model"].to_pylist()} == {"small"}


@pytest.mark.parametrize(
    ("other", "words"),
    [(None, "cannot be read.*Keep the staged shards"), ("shard-00002", "holds 2 rows where .* has 4")],
)
def test_a_staged_shard_that_was_lost_or_replaced_is_an_error(other: str | None, words: str) -> None:
    spec, store = staged_job()
    answered(spec, store)
    staged = load_staged(spec, store)
    assert staged is not None
    uri = spec.layout.staged_shard("shard-00001")
    store.delete(uri)
    if other is not None:
        store.put(uri, store.get(spec.layout.staged_shard(other)))
    with pytest.raises(StoreError, match=words):
        list(committed_shards(spec, store, staged))


def test_shards_are_read_ahead_in_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, store = staged_job()
    answered(spec, store)
    asked: list[int] = []

    def noted(function: Callable[[object], object], items: Iterable[object], *, in_flight: int, name: str) -> object:
        asked.append(in_flight)
        return in_order(function, items, in_flight=in_flight, name=name)

    monkeypatch.setattr(committed, "in_order", noted)
    staged = load_staged(spec, store)
    assert staged is not None
    assert len(list(committed_shards(spec, store, staged))) == 3
    assert asked == [IN_FLIGHT]
    assert IN_FLIGHT <= 16
