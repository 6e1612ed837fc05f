"""Pages of many files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.openai_sdk import delivered_batch
from llmbatch.core.gateway_layout import batches_uri
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.openai.files import document_uri, new_file_id
from llmbatch.gateway.openai.files_changes import store_file
from llmbatch.gateway.openai.files_list import list_files
from llmbatch.gateway.openai.files_spool import Spool

ADA = Caller("ada", "Bearer user-ada")


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


def uploaded(gateway: FakeGateway, count: int, seconds: int = 10**6) -> list[str]:
    ids = []
    for _ in range(count):
        gateway.clock.advance(0.001)
        now = gateway.clock.now()
        with Spool() as spool:
            spool.write(b"{}")
            file_id = new_file_id(now)
            store_file(gateway.store, BASE, "ada", file_id, spool, filename="a", seconds=seconds, now=now)
        ids.append(file_id)
    return ids


def page(gateway: FakeGateway, limit: int = 100, **options: object) -> tuple[list[str], bool]:
    found = list_files(gateway.store, BASE, ADA, gateway.clock.now(), limit=limit, **options)  # type: ignore[arg-type]
    return [file.id for file in found.data], found.has_more


def test_files_of_one_second_are_in_the_order_of_their_uploads(gateway: FakeGateway) -> None:
    ids = uploaded(gateway, 20)
    assert page(gateway, order="asc") == (ids, False)
    assert page(gateway, limit=5) == (ids[:-6:-1], True)


def test_a_page_reads_the_documents_that_it_shows(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = uploaded(gateway, 50)
    read: list[str] = []
    get = MemoryStore.get

    def counted(store: MemoryStore, uri: str) -> bytes:
        read.append(uri)
        return get(store, uri)

    monkeypatch.setattr(MemoryStore, "get", counted)
    monkeypatch.setattr(MemoryStore, "head", lambda *_: pytest.fail("a request for one object"))
    monkeypatch.setattr(MemoryStore, "list", listed)
    assert page(gateway, limit=3, after=ids[10]) == (ids[9:6:-1], True)
    assert {*read} >= {document_uri(BASE, "ada", file_id) for file_id in ids[7:10]}
    assert len(read) <= 8


def listed(store: MemoryStore, begin: str) -> Iterator[ObjectInfo]:
    """Return a listing that reads no object."""
    return (ObjectInfo(uri, "", 0) for uri in sorted(store.objects) if uri.startswith(begin))


def test_files_that_are_not_shown_do_not_shorten_a_page(gateway: FakeGateway) -> None:
    ids = uploaded(gateway, 3)
    uploaded(gateway, 3, seconds=1)
    gateway.store.put(document_uri(BASE, "ada", "file-" + "f" * 24), b"{")
    gateway.store.put(document_uri(BASE, "ada", "file-x"), b"{")
    gateway.clock.advance(1)
    assert page(gateway, limit=2) == (ids[:0:-1], True)
    assert page(gateway, limit=3) == (ids[::-1], False)


def test_outputs_are_between_uploads_by_their_time(gateway: FakeGateway) -> None:
    first = uploaded(gateway, 1)
    gateway.clock.advance(10)
    delivered_batch(gateway, 1, finished=gateway.clock.now(), output=b"1\n", errors=b"1\n")
    delivered_batch(gateway, 2, finished=gateway.clock.now() + timedelta(seconds=10), output=b"1\n")
    delivered_batch(gateway, 3, "bob", output=b"1\n")
    gateway.clock.advance(5)
    second = uploaded(gateway, 1)
    one = ["file-err-0000000000000001", "file-out-0000000000000001"]
    expected = [*first, *one, *second, "file-out-0000000000000002"]
    assert page(gateway, order="asc") == (expected, False)
    assert page(gateway, limit=2, order="asc", after=one[0]) == (expected[2:4], True)
    assert page(gateway, limit=2, after=second[0]) == (one[::-1], True)


def test_a_batch_in_the_folder_of_a_user_shows_no_answers_of_another_user(gateway: FakeGateway) -> None:
    delivered_batch(gateway, 1, "bob", output=b"1\n")
    gateway.store.put(f"{batches_uri(BASE, 'ada')}batch_0000000000000001.json", b"{}")
    assert page(gateway) == ([], False)


def test_an_empty_cursor_is_the_begin(gateway: FakeGateway) -> None:
    ids = uploaded(gateway, 2)
    assert page(gateway, after="") == (ids[::-1], False)
