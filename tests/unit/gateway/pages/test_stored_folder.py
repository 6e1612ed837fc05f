"""Documents of a folder, each read once."""

from __future__ import annotations

from pydantic import BaseModel

from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.gateway.pages.stored_folder import StoredFolders


class Note(BaseModel):
    text: str


class CountedStore(MemoryStore):
    reads = 0

    def get(self, uri: str) -> bytes:
        self.reads += 1
        return super().get(uri)

    def head(self, uri: str) -> ObjectInfo:
        return ObjectInfo(uri, self.objects[uri].hex(), len(self.objects[uri]))


def put(store: MemoryStore, name: str, text: str) -> None:
    store.put(f"s3://b/notes/{name}", Note(text=text).model_dump_json().encode())


def test_a_document_is_read_again_only_when_it_changes() -> None:
    store = CountedStore()
    folders = StoredFolders(Note, store)
    put(store, "2.json", "b")
    put(store, "1.json", "a")
    put(store, "x.txt", "no document")
    for _ in range(3):
        assert [each.text for each in folders.read("s3://b/notes/")] == ["a", "b"]
    assert store.reads == 2
    put(store, "2.json", "c")
    assert [each.text for each in folders.read("s3://b/notes/")] == ["a", "c"]
    assert store.reads == 3
    assert folders.read("s3://b/other/") == ()


def test_an_unreadable_document_costs_no_other_and_no_second_read() -> None:
    store = CountedStore()
    store.put("s3://b/notes/0.json", b"{")
    put(store, "1.json", "a")
    folders = StoredFolders(Note, store)
    for _ in range(2):
        assert [each.text for each in folders.read("s3://b/notes/")] == ["a"]
    assert store.reads == 2
