"""Polled reads from a real store: it takes signed addresses, also of odd keys, and the client is not needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmbatch.core.errors import ObjectMissing
from llmbatch.s3.polled_store import PolledStore
from llmbatch.s3.requests import report_requests
from llmbatch.s3.store import S3Store

from .small_jobs import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.mark.parametrize("key", ["progress.json", "a b+c/ü%20&=?#'\".json", "job-1/~x/日本.json"])
def test_objects_are_read_through_signed_addresses(client: S3Client, key: str) -> None:
    uri, store = f"s3://{BUCKET}/polled/{key}", PolledStore(client)
    S3Store(client).put(uri, key.encode())
    by_client: list[str] = []
    report_requests(client, lambda operation, *_: by_client.append(operation))
    found = store.get_aged(uri)
    with pytest.raises(ObjectMissing):
        store.get(f"{uri}.none")
    assert (found.body, found.at is not None) == (key.encode(), True)
    assert found.age is not None
    assert 0 <= found.age < 60
    assert by_client == []
