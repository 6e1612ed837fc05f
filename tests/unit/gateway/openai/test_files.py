"""Who finds which file."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from pydantic import ValidationError

from llmbatch.core.clock import ManualClock
from llmbatch.core.gateway_layout import files_uri
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.openai.files import (
    StoredFile,
    content_uri,
    document_uri,
    documents_uri,
    new_file_id,
    owned_file,
)
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.inputs.formats import format_by_name

BASE = "s3://b/base"
NOW = ManualClock().now()
ID = "file-" + "1a" * 12


def stored(file_id: str = ID, **values: object) -> StoredFile:
    given = {
        "id": file_id, "filename": "in.jsonl", "purpose": "batch", "bytes": 3, "created_at": int(NOW.timestamp()),
        "expires_at": int(NOW.timestamp()) + 3600, "sha256": "0" * 64, "etag": "e",
    }  # fmt: skip
    return StoredFile.model_validate(given | values)


def put(store: MemoryStore, owner: str, file: StoredFile) -> None:
    store.put(document_uri(BASE, owner, file.id), file.model_dump_json().encode())


def test_the_owner_finds_a_file() -> None:
    store = MemoryStore()
    put(store, "ada", stored())
    assert owned_file(store, BASE, "ada", ID, NOW) == stored()


@pytest.mark.parametrize("file_id", ["file-" + "2b" * 12, "file-1", "", "../x", ID.upper(), f"{ID}\n", "file-out-1"])
def test_an_unknown_id_is_404_in_openai_s_words(file_id: str) -> None:
    store = MemoryStore()
    put(store, "ada", stored())
    with pytest.raises(Failure) as found:
        owned_file(store, BASE, "ada", file_id, NOW)
    assert (found.value.status, found.value.param, found.value.code) == (404, "id", None)
    assert found.value.message.startswith("No such File object: ")


def test_another_user_s_file_is_unknown() -> None:
    store = MemoryStore()
    put(store, "ada", stored())
    with pytest.raises(Failure, match="No such File object"):
        owned_file(store, BASE, "bob", ID, NOW)


def test_an_expired_file_is_unknown() -> None:
    store = MemoryStore()
    put(store, "ada", stored())
    assert owned_file(store, BASE, "ada", ID, NOW + timedelta(seconds=3599)) == stored()
    with pytest.raises(Failure, match="No such File object"):
        owned_file(store, BASE, "ada", ID, NOW + timedelta(seconds=3600))


def test_a_document_that_is_not_this_file_s_is_unknown() -> None:
    store = MemoryStore()
    store.put(document_uri(BASE, "ada", ID), stored("file-" + "2b" * 12).model_dump_json().encode())
    with pytest.raises(Failure):
        owned_file(store, BASE, "ada", ID, NOW)
    store.put(document_uri(BASE, "ada", ID), b"{")
    with pytest.raises(Failure):
        owned_file(store, BASE, "ada", ID, NOW)


def test_ids_sort_by_their_time() -> None:
    ids = [new_file_id(NOW + timedelta(milliseconds=n)) for n in range(5)]
    assert ids == sorted(ids)
    assert len({new_file_id(NOW) for _ in range(100)}) == 100
    assert all(re.fullmatch(r"file-[0-9a-f]{24}", one) for one in ids)


def test_the_content_has_an_extension_that_readers_know_and_not_the_prefix_of_documents() -> None:
    uri = content_uri(BASE, "ada", ID)
    assert format_by_name(uri) is not None
    assert uri.startswith(files_uri(BASE, "ada"))
    assert not uri.startswith(documents_uri(BASE, "ada"))
    assert document_uri(BASE, "ada", ID).startswith(documents_uri(BASE, "ada"))


def test_a_document_is_strict() -> None:
    for wrong in ({"id": "x"}, {"purpose": "vision"}, {"filename": "n" * 256}, {"more": 1}, {"sha256": "0"}):
        with pytest.raises(ValidationError):
            stored(**wrong)
