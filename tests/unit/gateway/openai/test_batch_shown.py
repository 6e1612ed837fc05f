"""What was shown does not go back, whichever process shows it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.gateway.openai.batch import RequestCounts
from llmbatch.gateway.openai.batch_facts import BatchFacts
from llmbatch.gateway.openai.batch_order import BatchOrder
from llmbatch.gateway.openai.batch_records import BatchRecord
from llmbatch.gateway.openai.batch_shown import read_shown, show_counts, show_end, shown_uri
from llmbatch.gateway.openai.batch_state import BatchState

BASE = "s3://b/base"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
RECORD = BatchRecord(
    id="batch_" + "0" * 16,
    run_id="r",
    created_at=NOW,
    order=BatchOrder(input_file_id="file-1", endpoint=Endpoint.CHAT),
    input_uri=None,
)
END = BatchState(RECORD, None, BatchFacts(), NOW).batch(RequestCounts())


def counts(completed: int, failed: int = 0, total: int = 10) -> RequestCounts:
    return RequestCounts(total=total, completed=completed, failed=failed)


def test_counts_rise_only_and_stay_within_the_total() -> None:
    store = MemoryStore()
    for given, expected in (
        (counts(3), counts(3)),
        (counts(2, 1), counts(3, 1)),
        (counts(0), counts(3, 1)),
        (counts(9, 1), counts(9, 1)),
        (counts(4, 5), counts(9, 1)),
    ):
        assert show_counts(store, BASE, RECORD, given) == expected


def test_counts_that_do_not_rise_write_nothing() -> None:
    store = MemoryStore()
    show_counts(store, BASE, RECORD, counts(0))
    assert store.objects == {}
    show_counts(store, BASE, RECORD, counts(3))
    before = store.objects[shown_uri(BASE, RECORD)]
    show_counts(store, BASE, RECORD, counts(2))
    assert store.objects[shown_uri(BASE, RECORD)] is before


@pytest.mark.parametrize("first", [None, 1])
def test_of_two_processes_the_higher_count_stays(first: int | None) -> None:
    class Racing(MemoryStore):
        raced = False

        def _race(self) -> None:
            if not self.raced:
                self.raced = True
                show_counts(self, BASE, RECORD, counts(7))

        def create(self, uri: str, body: bytes) -> ObjectInfo:
            self._race()
            return super().create(uri, body)

        def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
            self._race()
            return super().replace(uri, body, etag)

    store = Racing()
    if first is not None:
        store.raced = True
        show_counts(store, BASE, RECORD, counts(first))
        store.raced = False
    assert show_counts(store, BASE, RECORD, counts(5)) == counts(7)
    assert read_shown(store, BASE, RECORD)[0].completed == 7


def test_the_first_end_stays() -> None:
    store = MemoryStore()
    show_counts(store, BASE, RECORD, counts(3))
    assert show_end(store, BASE, RECORD, END) == END
    later = END.model_copy(update={"metadata": {"a": "b"}})
    assert show_end(store, BASE, RECORD, later) == END
    assert read_shown(store, BASE, RECORD)[0].completed == 3


def test_a_damaged_document_is_replaced() -> None:
    store = MemoryStore()
    store.put(shown_uri(BASE, RECORD), b"{")
    assert show_counts(store, BASE, RECORD, counts(3)) == counts(3)
    assert read_shown(store, BASE, RECORD)[0].completed == 3
