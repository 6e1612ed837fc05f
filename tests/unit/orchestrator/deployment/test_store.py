from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.certificates import Certificates
from fakes.events import RecordedEvents
from fakes.http_server import QuietHandler, served
from llmbatch.core.errors import ObjectMissing
from llmbatch.orchestrator.deployment.store import CALLER, CONNECTIONS, open_store


class S3:
    """A server that has no object, and remembers who looked for which."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str | None]] = []
        self.url = ""
        s3 = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                s3.requests.append((self.path, self.headers["Authorization"]))
                self.reply(404, b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>")

        self.handler = Handler


@pytest.fixture
def s3() -> Iterator[S3]:
    server = S3()
    with served(server.handler) as port:
        server.url = f"http://127.0.0.1:{port}"
        yield server


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch, s3: S3) -> str:
    """Return the id of a connection to the server."""
    connection = {
        "conn_type": "aws",
        "login": "the-key-id",
        "password": "the-secret",
        "extra": {
            "endpoint_url": s3.url,
            "region_name": "us-east-1",
            "config_kwargs": {"s3": {"addressing_style": "path"}},
        },
    }
    monkeypatch.setenv("AIRFLOW_CONN_MY_S3", json.dumps(connection))
    return "my_s3"


def test_the_store_uses_address_and_keys_of_the_connection(connection: str, s3: S3) -> None:
    with pytest.raises(ObjectMissing):
        open_store(connection).get("s3://bucket/some/key")
    [(path, authorization)] = s3.requests
    assert path == "/bucket/some/key"
    assert authorization is not None
    assert "Credential=the-key-id/" in authorization


def test_a_store_for_polls_signs_the_address_itself(connection: str, s3: S3) -> None:
    with pytest.raises(ObjectMissing):
        open_store(connection, note=None, is_polled=True).get("s3://bucket/some/key")
    [(path, authorization)] = s3.requests
    assert path.startswith("/bucket/some/key?AWSAccessKeyId=the-key-id&")
    assert authorization is None


def test_every_request_is_an_event_unless_the_caller_wants_none(connection: str, events: RecordedEvents) -> None:
    for store in (open_store(connection), open_store(connection, note=None)):
        with pytest.raises(ObjectMissing):
            store.get("s3://bucket/some/key")
    [(operation, result, milliseconds)] = events.of("store_request_duration")
    assert (operation, result) == ("GetObject", "ok")
    assert float(milliseconds) > 0


@pytest.mark.parametrize(("extra", "kept"), [({}, CONNECTIONS), ({"config_kwargs": {"max_pool_connections": 64}}, 64)])
def test_threads_have_a_connection_each(monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], kept: int) -> None:
    connection = {"conn_type": "aws", "login": "k", "password": "s", "extra": {"region_name": "us-east-1", **extra}}
    monkeypatch.setenv("AIRFLOW_CONN_MY_S3", json.dumps(connection))
    assert open_store("my_s3")._client.meta.config.max_pool_connections == kept


def test_the_hook_does_not_look_for_its_caller(connection: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(inspect, "stack", lambda *_: looks.append(1) or [])
    assert f" Caller/{CALLER} " in open_store(connection)._client.meta.config.user_agent_extra
    assert looks == []


@pytest.mark.parametrize("is_polled", [False, True])
def test_a_store_with_tls_is_read_with_the_authority_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_polled: bool
) -> None:
    class Server(QuietHandler):
        def do_GET(self) -> None:
            self.reply(200, b"content", {"ETag": '"e"', "Last-Modified": "Wed, 02 Jan 2030 03:04:05 GMT"})

    certificates = Certificates.make(tmp_path)
    with served(Server, certificates.of_server()) as port:
        extra = {"endpoint_url": f"https://localhost:{port}", "region_name": "us-east-1", "verify": str(certificates.ca)}
        connection = {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_TLS_S3", json.dumps(connection))
        assert open_store("tls_s3", is_polled=is_polled).get("s3://bucket/key") == b"content"
