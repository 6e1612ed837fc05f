"""Polled reads go to a signed address; whatever they do not settle, the client does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config

from fakes.http_server import QuietHandler, served
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ObjectMissing, StoreDenied, StoreError
from llmbatch.core.store import AgedBody
from llmbatch.s3.polled_store import REFUSALS, SIGNED_SECONDS, PolledStore
from llmbatch.s3.store import S3Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SIGNED, CLIENT = "signed", "client"
DATES = {"Date": "Tue, 01 Jan 2030 00:00:09 GMT", "Last-Modified": "Tue, 01 Jan 2030 00:00:02 GMT"}


class S3:
    """A server with objects by path. ``signed_status`` is what requests to signed addresses get in place of them."""

    def __init__(self) -> None:
        self.objects = {"/b/k": b"body"}
        self.headers = DATES
        self.signed_status: int | None = None
        self.cut = 0
        self.requests: list[tuple[str, str]] = []
        """How each was signed, and the address."""
        s3 = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                how = SIGNED if "Signature=" in self.path else CLIENT
                s3.requests.append((how, self.path))
                body = s3.objects.get(unquote(self.path.partition("?")[0]))
                if how == SIGNED and s3.signed_status is not None:
                    self.reply(s3.signed_status)
                elif body is None:
                    self.reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
                elif how == SIGNED and s3.cut:
                    self.reply(200, body[: -s3.cut], {"Content-Length": str(len(body))})
                else:
                    self.reply(200, body, s3.headers)

            def send_response(self, code: int, message: str | None = None) -> None:
                self.send_response_only(code, message)  # without a date of its own

        self.handler = Handler

    def take(self) -> list[str]:
        """Return how the requests since the last call were signed."""
        found, self.requests = self.requests, []
        return [how for how, _ in found]


@pytest.fixture
def s3() -> S3:
    return S3()


@pytest.fixture
def client(s3: S3) -> Iterator[S3Client]:
    with served(s3.handler) as port:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield client
        client.close()


@pytest.fixture
def store(client: S3Client) -> PolledStore:
    return PolledStore(client)


def test_an_object_and_its_age_cost_one_request_to_an_address_that_is_kept(store: PolledStore, s3: S3) -> None:
    s3.objects["/b/a b/ü+1.json"] = b"odd"
    at = datetime(2030, 1, 1, 0, 0, 9, tzinfo=UTC)
    assert store.get_aged("s3://b/k") == AgedBody(b"body", 7.0, at)
    assert store.get_aged("s3://b/k").at == at
    assert store.get("s3://b/a b/ü+1.json") == b"odd"
    addresses = [path for _, path in s3.requests]
    assert addresses[0] == addresses[1]
    assert s3.take() == [SIGNED] * 3


def test_an_address_is_signed_again_before_it_ends(client: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, signed = ManualClock(), list[int]()
    store = PolledStore(client, clock)

    def presigned(uri: str, seconds: int) -> str:
        signed.append(seconds)
        return S3Store(client).presigned(uri, seconds)

    monkeypatch.setattr(store, "presigned", presigned)
    for seconds in (0, 1, SIGNED_SECONDS - 1):
        clock.advance(seconds)
        assert store.get("s3://b/k") == b"body"
    assert signed == [SIGNED_SECONDS] * 2


def test_a_store_that_does_not_report_times(store: PolledStore, s3: S3) -> None:
    s3.headers = {}
    found = store.get_aged("s3://b/k")
    assert (found.body, found.age, found.at) == (b"body", None, None)


def test_an_object_that_is_not_there_costs_one_request(store: PolledStore, s3: S3) -> None:
    with pytest.raises(ObjectMissing, match="s3://b/none"):
        store.get("s3://b/none")
    assert s3.take() == [SIGNED]


@pytest.mark.parametrize("status", [403, 500, 503, 307, 204])
def test_the_client_reads_after_any_other_answer(store: PolledStore, s3: S3, status: int) -> None:
    s3.signed_status = status
    assert store.get("s3://b/k") == b"body"
    assert s3.take() == [SIGNED, CLIENT]
    s3.signed_status = None
    assert store.get("s3://b/k") == b"body"
    assert s3.take() == [SIGNED]


def test_the_client_reads_after_an_answer_that_breaks_off(store: PolledStore, s3: S3) -> None:
    s3.cut = 2
    assert store.get("s3://b/k") == b"body"
    assert s3.take() == [SIGNED, CLIENT]


def test_a_store_that_refuses_signed_addresses_is_not_asked_for_ever(
    store: PolledStore, s3: S3, caplog: pytest.LogCaptureFixture
) -> None:
    for s3.signed_status in (*[403] * (REFUSALS - 1), None):
        store.get("s3://b/k")
    s3.take()
    s3.signed_status = 403
    for _ in range(REFUSALS + 2):
        assert store.get("s3://b/k") == b"body"
    assert s3.take() == [SIGNED, CLIENT] * REFUSALS + [CLIENT] * 2
    assert [record.message.split()[0] for record in caplog.records] == ["event=signed_reads_refused"]


def test_errors_are_those_of_the_client(store: PolledStore, s3: S3) -> None:
    denied = QuietHandler.reply

    class Denying(QuietHandler):
        def do_GET(self) -> None:
            denied(self, 403, b"<Error><Code>AccessDenied</Code></Error>")

    with served(Denying) as port:
        one = PolledStore(boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
            aws_access_key_id="a", aws_secret_access_key="b", config=Config(retries={"total_max_attempts": 1}),
        ))  # fmt: skip
        with pytest.raises(StoreDenied):
            one.get("s3://b/k")
    with pytest.raises(StoreError):  # nobody listens there now
        one.get("s3://b/k")
    with pytest.raises(ValueError, match="s3://bucket/key"):
        store.get("nonsense")
