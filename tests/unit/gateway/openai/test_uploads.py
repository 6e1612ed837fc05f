"""Who finds which upload, and when it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.openai.files import documents_uri, is_file_id
from llmbatch.gateway.openai.uploads import (
    StoredUpload,
    is_part_id,
    new_part_id,
    new_upload_id,
    owned_upload,
    parts_uri,
    upload_uri,
)
from llmbatch.gateway.wire.failures import Failure

BASE = "s3://b/base"
NOW = ManualClock().now()
UPLOAD = StoredUpload(
    id=new_upload_id(NOW), bytes=3, created_at=int(NOW.timestamp()), filename="a.jsonl", purpose="batch",
    file_seconds=60, status="pending",
)  # fmt: skip


def test_the_owner_finds_an_upload_with_its_version() -> None:
    store = MemoryStore()
    info = store.put(upload_uri(BASE, "ada", UPLOAD.id), UPLOAD.model_dump_json().encode())
    assert owned_upload(store, BASE, "ada", UPLOAD.id) == (UPLOAD, info.etag)
    for user, upload_id in (("bob", UPLOAD.id), ("ada", "upload_" + "0" * 24), ("ada", f"{UPLOAD.id}\n"), ("ada", "")):
        with pytest.raises(Failure, match="No such Upload object") as found:
            owned_upload(store, BASE, user, upload_id)
        assert found.value.status == 404
    store.put(upload_uri(BASE, "ada", UPLOAD.id), b"{")
    with pytest.raises(Failure, match="No such Upload object"):
        owned_upload(store, BASE, "ada", UPLOAD.id)


def test_an_upload_is_pending_for_an_hour() -> None:
    UPLOAD.require_pending(NOW + timedelta(seconds=3599))
    for upload, seconds, status in (
        (UPLOAD, 3600, "expired"),
        (UPLOAD.model_copy(update={"status": "completed"}), 7200, "completed"),
        (UPLOAD.model_copy(update={"status": "cancelled"}), 0, "cancelled"),
    ):
        now = NOW + timedelta(seconds=seconds)
        assert upload.status_at(now) == status
        with pytest.raises(Failure, match=f"is {status}"):
            upload.require_pending(now)


def test_ids_and_addresses_belong_together() -> None:
    assert is_file_id(UPLOAD.file_id)
    assert is_part_id(new_part_id(NOW))
    assert not any(map(is_part_id, ("part_1", f"{new_part_id(NOW)}\n", "../x")))
    for uri in (upload_uri(BASE, "ada", UPLOAD.id), parts_uri(BASE, "ada", UPLOAD.id)):
        assert not uri.startswith(documents_uri(BASE, "ada"))
