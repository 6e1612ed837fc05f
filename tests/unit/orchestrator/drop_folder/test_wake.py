"""A scan is due after a change, and from time to time while something waits."""

from __future__ import annotations

from collections.abc import Iterator

from fakes.inboxes import BASE, INBOX, config
from llmbatch.core.drop_settings import DropConfig
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.drop_folder.claims import Claims
from llmbatch.orchestrator.drop_folder.wake import AGAIN_SECONDS, Glance, Wake, glance
from unit.orchestrator.drop_folder.test_claims import a_claim


def look(store: MemoryStore) -> Glance:
    return glance(config().drop, BASE, store)


def test_an_empty_inbox_needs_no_scan():
    assert not Wake().is_due(look(MemoryStore()), 0)


def test_a_change_is_due_at_once_and_once():
    store, wake = MemoryStore(), Wake()
    store.put(f"{INBOX}/a.jsonl", b"1")
    assert wake.is_due(look(store), 0)
    assert not wake.is_due(look(store), 1)
    store.put(f"{INBOX}/a.jsonl", b"2")
    assert wake.is_due(look(store), 2)


def test_what_waits_is_due_again_after_a_minute():
    store, wake = MemoryStore(), Wake()
    store.put(f"{INBOX}/a.jsonl", b"1")
    assert [wake.is_due(look(store), at) for at in (0, AGAIN_SECONDS - 1, AGAIN_SECONDS)] == [True, False, True]


def test_an_open_claim_keeps_it_busy():
    store, wake = MemoryStore(), Wake()
    Claims(BASE, store).create(a_claim())
    assert [wake.is_due(look(store), at) for at in (0, 1, AGAIN_SECONDS)] == [True, False, True]


def test_a_look_costs_one_page_of_an_inbox():
    store = MemoryStore()
    for n in range(1200):
        store.put(f"{INBOX}/{n:05d}", b"1")
    before = look(store)
    store.put(f"{INBOX}/99999", b"1")
    assert look(store) == before


def test_without_inboxes_nothing_is_read():
    class Untouchable(MemoryStore):
        def list(self, prefix: str) -> None:
            raise AssertionError(prefix)

    assert glance(config(inbox=[]).drop, BASE, Untouchable()) == Glance(
        glance(config(inbox=[]).drop, BASE, Untouchable()).digest, is_busy=False
    )


def test_a_bucket_that_does_not_exist_hides_no_other_inbox():
    class Lacking(MemoryStore):
        def list(self, prefix: str) -> Iterator[ObjectInfo]:
            if prefix.startswith("s3://gone"):
                raise ObjectMissing(prefix)
            return super().list(prefix)

    store = Lacking()
    store.put(f"{INBOX}/a.jsonl", b"1")
    inboxes = [{"uri": "s3://gone/inbox"}, {"uri": INBOX}]
    settings = DropConfig.model_validate({"inbox": inboxes})
    assert glance(settings, BASE, store).is_busy
