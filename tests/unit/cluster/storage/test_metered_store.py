"""Requests to a store are counted by a real client; its answers come from here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from llmbatch.cluster.storage.metered_store import MeteredStore, use_of
from llmbatch.core.errors import ObjectExists, ObjectMissing, StoreDenied, StoreError
from llmbatch.core.progress import StoreUse
from llmbatch.core.store import MemoryStore
from llmbatch.s3.store import S3Store

ATTEMPTS = 2


class Raw:
    """The body of an answer."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield b""

    def read(self, *_: object) -> bytes:
        return b""


class Server:
    """Answers each attempt with the next status; None: nothing is reachable."""

    def __init__(self) -> None:
        self.statuses: list[int | None] = []

    def __call__(self, request: Any, **_: object) -> AWSResponse:
        status = self.statuses.pop(0)
        if status is None:
            raise EndpointConnectionError(endpoint_url=request.url)
        return AWSResponse(request.url, status, {"ETag": '"e"', "Content-Length": "0"}, Raw())


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def store(server: Server) -> MeteredStore:
    session = boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1")
    config = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS})
    client = session.client("s3", config=config, endpoint_url="http://store.invalid")
    client.meta.events.register("before-send.s3", server)
    return MeteredStore(S3Store(client))


def counts(store: MeteredStore) -> tuple[int, int]:
    return store.use.requests, store.use.errors


def test_answers_are_no_errors_and_what_fails_after_all_retries_is_one(store: MeteredStore, server: Server) -> None:
    server.statuses = [200, 200, 404, 412, 503, 200]
    store.put("s3://b/k", b"x")
    store.get("s3://b/k")
    with pytest.raises(ObjectMissing):
        store.get("s3://b/k")
    with pytest.raises(ObjectExists):
        store.create("s3://b/k", b"x")
    store.put("s3://b/k", b"x")  # at the second attempt
    assert counts(store) == (5, 0)
    assert store.use.seconds > 0
    server.statuses = [503, 503]
    with pytest.raises(StoreError):
        store.put("s3://b/k", b"x")
    assert counts(store) == (6, 1)
    server.statuses = [403]
    with pytest.raises(StoreDenied):
        store.get("s3://b/k")
    assert counts(store) == (7, 2)


def test_a_store_that_is_not_reachable_is_one_error_a_request(store: MeteredStore, server: Server) -> None:
    server.statuses = [None, None]
    with pytest.raises(StoreError):
        store.head("s3://b/k")
    assert counts(store) == (1, 1)
    assert store.use.seconds > 0


def test_only_a_metered_store_has_counts(store: MeteredStore) -> None:
    assert use_of(store) == StoreUse()
    assert use_of(MemoryStore()) is None
