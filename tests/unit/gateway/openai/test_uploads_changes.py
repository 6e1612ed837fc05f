"""An upload in parts, from its parts to its file."""

from __future__ import annotations

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.openai.files import content_uri
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.openai.uploads import StoredUpload, new_upload_id, parts_uri, upload_uri
from llmbatch.gateway.openai.uploads_changes import add_part, cancel_upload, complete_upload
from llmbatch.gateway.wire.failures import Failure

BASE = "s3://b/base"
NOW = ManualClock().now()


def begun(store: MemoryStore, size: int = 4) -> str:
    upload = StoredUpload(
        id=new_upload_id(NOW), bytes=size, created_at=int(NOW.timestamp()), filename="a.jsonl", purpose="batch",
        file_seconds=60, status="pending",
    )  # fmt: skip
    store.put(upload_uri(BASE, "ada", upload.id), upload.model_dump_json().encode())
    return upload.id


def added(store: MemoryStore, upload_id: str, data: bytes) -> str:
    with Spool() as spool:
        spool.write(data)
        return add_part(store, BASE, "ada", upload_id, spool, NOW)


def completed(store: MemoryStore, upload_id: str, part_ids: list[str]) -> str:
    with Spool() as spool:
        return complete_upload(store, BASE, "ada", upload_id, part_ids, None, spool, NOW)[1].id


def test_parts_become_one_file_and_leave() -> None:
    store = MemoryStore()
    upload_id = begun(store)
    parts = [added(store, upload_id, data) for data in (b"{}", b"\n ")]
    file_id = completed(store, upload_id, parts)
    assert store.get(content_uri(BASE, "ada", file_id)) == b"{}\n "
    assert [*store.list(parts_uri(BASE, "ada", upload_id))] == []
    assert completed(store, upload_id, parts) == file_id


def test_the_parts_of_a_file_that_was_refused_stay() -> None:
    store = MemoryStore()
    upload_id = begun(store)
    part = added(store, upload_id, b"{}")
    with pytest.raises(Failure, match="The parts have 2 bytes, and upload"):
        completed(store, upload_id, [part])
    assert completed(store, upload_id, [part, added(store, upload_id, b"\n\n")])


def test_a_cancelled_upload_has_no_parts() -> None:
    store = MemoryStore()
    upload_id = begun(store)
    added(store, upload_id, b"{}")
    assert cancel_upload(store, BASE, "ada", upload_id, NOW).status == "cancelled"
    assert [*store.list(parts_uri(BASE, "ada", upload_id))] == []
    with pytest.raises(Failure, match="is cancelled"):
        added(store, upload_id, b"{}")


def test_parts_that_leave_while_they_are_joined_make_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    upload_id = begun(store)
    part = added(store, upload_id, b"{}\n\n")
    open_stream = store.open_stream

    def after_a_cancellation(uri: str, etag: str) -> object:
        cancel_upload(store, BASE, "ada", upload_id, NOW)
        return open_stream(uri, etag)

    monkeypatch.setattr(store, "open_stream", after_a_cancellation)
    with pytest.raises(Failure, match="were removed"):
        completed(store, upload_id, [part])
