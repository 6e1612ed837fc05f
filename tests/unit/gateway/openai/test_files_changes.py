"""Making and removing files."""

from __future__ import annotations

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ObjectExists, StoreError
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.gateway.openai.files import StoredFile, content_uri, document_uri, new_file_id, owned_file
from llmbatch.gateway.openai.files_changes import delete_file, store_file
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.wire.failures import Failure

BASE = "s3://b/base"
NOW = ManualClock().now()
ID = new_file_id(NOW)


def kept(store: MemoryStore, file_id: str = ID) -> StoredFile:
    with Spool() as spool:
        spool.write(b"{}")
        return store_file(store, BASE, "ada", file_id, spool, filename="a.jsonl", seconds=60, now=NOW)


class Watched(MemoryStore):
    """Notes the addresses of changes, and fails for one of them."""

    def __init__(self, fails: str = "none") -> None:
        super().__init__()
        self.changed: list[str] = []
        self._fails = fails

    def _note(self, uri: str) -> None:
        if uri == self._fails:
            raise StoreError(uri)
        self.changed.append(uri)

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        self._note(uri)
        return super().put(uri, body)

    def delete(self, uri: str) -> None:
        self._note(uri)
        super().delete(uri)


def test_the_content_is_there_before_the_document_and_leaves_after_it() -> None:
    store = Watched()
    file = kept(store)
    assert owned_file(store, BASE, "ada", ID, NOW) == file
    assert file.etag == store.head(content_uri(BASE, "ada", ID)).etag
    delete_file(store, BASE, "ada", ID, NOW)
    content, document = content_uri(BASE, "ada", ID), document_uri(BASE, "ada", ID)
    assert store.changed == [content, document, document, content]
    assert store.objects == {}


def test_an_upload_that_breaks_off_is_not_a_file() -> None:
    store = Watched(document_uri(BASE, "ada", ID))
    with pytest.raises(StoreError):
        kept(store)
    assert [*store.objects] == [content_uri(BASE, "ada", ID)]
    with pytest.raises(Failure):
        owned_file(store, BASE, "ada", ID, NOW)


def test_a_file_is_made_once() -> None:
    store = MemoryStore()
    kept(store)
    with pytest.raises(ObjectExists):
        kept(store)


def test_only_the_owner_s_file_is_removed() -> None:
    store = MemoryStore()
    kept(store)
    with pytest.raises(Failure):
        delete_file(store, BASE, "bob", ID, NOW)
    assert len(store.objects) == 2
