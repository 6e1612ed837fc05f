"""The records of batches: names, pages, repeated requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_request import parse_request
from llmbatch.core.request_options import OnCancel
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.openai.batch_order import BatchOrder, OutputExpiry
from llmbatch.gateway.openai.batch_records import (
    BatchRecord,
    batch_id_of,
    new_run_id,
    newest_first,
    output_seconds,
    owned_record,
    page_of,
    record_uri,
    repeated,
)
from llmbatch.gateway.wire.failures import Failure

BASE = "s3://b/base"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
ORDER = BatchOrder(input_file_id="file-1", endpoint=Endpoint.CHAT)


def put(store: MemoryStore, at: datetime, owner: str = "ann", order: BatchOrder = ORDER) -> BatchRecord:
    run_id = new_run_id(at, owner, None)
    record = BatchRecord(
        id=batch_id_of(run_id), run_id=run_id, created_at=at, order=order, input_uri="s3://b/base/gateway/f.jsonl"
    )
    store.create(record_uri(BASE, owner, record.id), record.model_dump_json().encode())
    return record


def test_ids_are_those_of_the_job() -> None:
    run_id = new_run_id(NOW, "ann", None)
    assert run_id.startswith("api__2030-01-01T00:00:00__")
    assert batch_id_of(run_id)[6:] == job_id_of(INFERENCE_DAG, run_id)[4:]
    assert new_run_id(NOW, "ann", None) != run_id


def test_a_key_of_a_user_has_one_run_id() -> None:
    one = new_run_id(NOW, "ann", "k")
    assert one == new_run_id(NOW + timedelta(days=1), "ann", "k")
    assert len({one, new_run_id(NOW, "bob", "k"), new_run_id(NOW, "ann", "j")}) == 3
    assert "ann" not in one


def test_the_conf_is_a_request_whose_rows_may_all_fail() -> None:
    record = put(MemoryStore(), NOW)
    request = parse_request(dict(record.conf()))
    assert (request.batch_endpoint, request.max_error_rate, request.sla_hours) == (Endpoint.CHAT, 1.0, 24.0)
    assert request.on_cancel is OnCancel.DELIVER
    assert record.layout(BASE).job_id == f"job-{record.id[6:]}"


@pytest.mark.parametrize("batch_id", ["batch_x", "", "../batch", "batch_" + "0" * 16, "batch_" + "0" * 16 + "\n"])
def test_an_id_of_no_batch_of_the_user_is_unknown(batch_id: str) -> None:
    store = MemoryStore()
    with pytest.raises(Failure, match="No batch found with id"):
        owned_record(store, BASE, "ann", batch_id)


def test_a_record_is_found_by_its_owner_only() -> None:
    store = MemoryStore()
    record = put(store, NOW)
    assert owned_record(store, BASE, "ann", record.id) == record
    with pytest.raises(Failure):
        owned_record(store, BASE, "bob", record.id)


def test_pages_are_newest_first_and_end() -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    ids = []
    for _ in range(5):
        ids.append(put(store, clock.now()).id)
        clock.advance(1)
    infos = newest_first(store, BASE, "ann")

    def page(after: str | None, limit: int) -> tuple[list[str], bool]:
        found, more = page_of(infos, after, limit)
        return [info.uri[-27:-5] for info in found], more

    newest = ids[::-1]
    assert page(None, 2) == (newest[:2], True)
    assert page(newest[1], 2) == (newest[2:4], True)
    assert page(newest[3], 2) == (newest[4:], False)
    assert page(newest[2], 2) == (newest[3:], False)
    assert page(newest[4], 2) == ([], False)
    assert page("batch_unknown", 2) == ([], False)
    assert page(None, 0) == ([], False)


def test_a_repeated_order_is_looked_for_in_the_last_minute() -> None:
    clock = ManualClock(NOW)
    store = MemoryStore(clock)
    put(store, clock.now(), order=ORDER.model_copy(update={"metadata": {"a": "b"}}))
    first = put(store, clock.now())
    clock.advance(1)
    second = put(store, clock.now())
    store.put(record_uri(BASE, "ann", "batch_broken"), b"{")
    now = clock.now()
    assert repeated(store, BASE, "ann", ORDER, now) == second
    assert repeated(store, BASE, "bob", ORDER, now) is None
    assert repeated(store, BASE, "ann", ORDER.model_copy(update={"metadata": {}}), now) is None
    assert repeated(store, BASE, "ann", ORDER, now + timedelta(seconds=60)) == second
    assert repeated(store, BASE, "ann", ORDER, now + timedelta(seconds=61)) is None
    assert first.id != second.id


def test_files_expire_as_their_batch_says() -> None:
    store = MemoryStore()
    plain = put(store, NOW)
    chosen = put(store, NOW, order=ORDER.model_copy(update={"output_expires_after": OutputExpiry(seconds=3600)}))
    assert output_seconds(store, BASE, "ann", f"job-{plain.id[6:]}") is None
    assert output_seconds(store, BASE, "ann", f"job-{chosen.id[6:]}") == 3600
    assert output_seconds(store, BASE, "bob", f"job-{chosen.id[6:]}") is None
