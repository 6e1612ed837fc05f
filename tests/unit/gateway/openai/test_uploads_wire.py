"""Requests for uploads."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmbatch.core.clock import ManualClock
from llmbatch.gateway.openai.uploads import StoredUpload, new_upload_id
from llmbatch.gateway.openai.uploads_wire import CompleteRequest, UploadObject, UploadRequest

NOW = ManualClock().now()


def test_unknown_fields_are_ignored_and_sizes_bounded() -> None:
    given = {"bytes": 1, "filename": "a", "mime_type": "t", "purpose": "batch", "more": 1}
    assert UploadRequest.model_validate(given).bytes == 1
    for wrong in ({"bytes": 0}, {"filename": "a" * 1025}, {"expires_after": {"anchor": "x", "seconds": 3600}}):
        with pytest.raises(ValidationError):
            UploadRequest.model_validate(given | wrong)
    for wrong in ({"part_ids": []}, {"part_ids": ["a"], "md5": "x"}, {"part_ids": ["a" * 65]}):
        with pytest.raises(ValidationError):
            CompleteRequest.model_validate(wrong)


def test_an_upload_is_shown_with_its_end() -> None:
    upload = StoredUpload(
        id=new_upload_id(NOW), bytes=3, created_at=int(NOW.timestamp()), filename="a.jsonl", purpose="batch",
        file_seconds=60, status="pending",
    )  # fmt: skip
    shown = UploadObject.of(upload, NOW)
    assert (shown.status, shown.expires_at, shown.file) == ("pending", shown.created_at + 3600, None)
