"""What is reported of an S3 client's requests; the client is real, its network is not."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from llmbatch.core.errors import ObjectExists, ObjectMissing, StoreDenied, StoreError
from llmbatch.s3.requests import report_requests
from llmbatch.s3.store import S3Store

Noted = list[tuple[str, str]]


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Any:
        yield self.read()


def store_that(answer: Callable[[], AWSResponse], noted: Noted) -> S3Store:
    client = boto3.client(
        "s3",
        aws_access_key_id="k",
        aws_secret_access_key="s",
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.meta.events.register("before-send.s3", lambda **_: answer())

    def note(operation: str, result: str, seconds: float) -> None:
        assert 0 <= seconds < 60
        noted.append((operation, result))

    report_requests(client, note)
    return S3Store(client)


def status(code: int, error: str = "", **headers: str) -> Callable[[], AWSResponse]:
    body = f"<Error><Code>{error}</Code></Error>".encode() if error else b""
    return lambda: AWSResponse("http://s3", code, {"ETag": '"e"', **headers}, _Raw(body))  # type: ignore[arg-type]


def test_a_request_that_ends_well(noted: Noted) -> None:
    store_that(status(200), noted).put("s3://b/k", b"x")
    assert noted == [("PutObject", "ok")]


@pytest.fixture
def noted() -> Noted:
    return []


@pytest.mark.parametrize(
    ("code", "error", "kind", "result"),
    [
        (404, "NoSuchKey", ObjectMissing, "ok"),
        (409, "ConditionalRequestConflict", ObjectExists, "conflict"),
        (412, "PreconditionFailed", ObjectExists, "conflict"),
        (403, "AccessDenied", StoreDenied, "error"),
        (503, "SlowDown", StoreError, "error"),
    ],
)
def test_only_real_failures_are_errors(noted: Noted, code: int, error: str, kind: type[Exception], result: str) -> None:
    with pytest.raises(kind):
        store_that(status(code, error), noted).create("s3://b/k", b"x")
    assert noted == [("PutObject", result)]


def test_a_store_that_does_not_answer_is_one_error(noted: Noted) -> None:
    def refused() -> AWSResponse:
        raise EndpointConnectionError(endpoint_url="http://s3")

    with pytest.raises(StoreError):
        store_that(refused, noted).get("s3://b/k")
    assert noted == [("GetObject", "error")]


def test_each_page_of_a_listing_is_one_request(noted: Noted) -> None:
    def page(token: str) -> bytes:
        more = f"<IsTruncated>{'true' if token else 'false'}</IsTruncated><NextContinuationToken>{token}"
        return f"<ListBucketResult>{more}</NextContinuationToken></ListBucketResult>".encode()

    pages = iter([page("t"), page("")])
    store = store_that(lambda: AWSResponse("http://s3", 200, {}, _Raw(next(pages))), noted)  # type: ignore[arg-type]
    assert list(store.list("s3://b/k")) == []
    assert noted == [("ListObjectsV2", "ok")] * 2
