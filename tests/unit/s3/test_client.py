from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import SSLError

from fakes.certificates import Certificates
from fakes.http_server import QuietHandler, served
from llmbatch.core.errors import StoreError
from llmbatch.s3 import client
from llmbatch.s3.client import ATTEMPTS, SILENT_SECONDS, open_environment_store, parse_stamp


@pytest.mark.parametrize(
    "text",
    ["2030-01-02T03:04:05Z", "2030-01-02T03:04:05.000Z", "Wed, 02 Jan 2030 03:04:05 GMT", "1893553445"],
)
def test_every_form_of_a_time_is_read(text: str) -> None:
    assert parse_stamp(text) == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def _point_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


LISTING = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><IsTruncated>false</IsTruncated>
<Contents><Key>a</Key><LastModified>2030-01-02T03:04:05Z</LastModified><ETag>"e"</ETag><Size>1</Size></Contents>
</ListBucketResult>"""


def test_a_listing_is_read_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server(QuietHandler):
        def do_GET(self) -> None:
            self.reply(200, LISTING)

    read: list[str] = []
    monkeypatch.setattr(client, "parse_stamp", lambda text: read.append(text) or parse_stamp(text))
    with served(Server) as port:
        _point_at(f"http://127.0.0.1:{port}", monkeypatch)
        [found] = open_environment_store().list("s3://b/")
    assert found.uri == "s3://b/a"
    assert read == ["2030-01-02T03:04:05Z"]


def _connections(server: socket.socket) -> int:
    """Return how many connections wait to be accepted."""
    found = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return found
        found += 1


def test_a_silent_store_fails_the_calls_of_a_heartbeat_within_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts connections and never answers."""
    monkeypatch.setattr(client, "SILENT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        _point_at(f"http://127.0.0.1:{server.getsockname()[1]}", monkeypatch)
        with pytest.raises(StoreError, match="Read timeout"):
            open_environment_store().get("s3://b/k")
        server.setblocking(False)
        assert _connections(server) == ATTEMPTS
    assert 3 * ATTEMPTS * SILENT_SECONDS <= 300


def test_a_store_with_tls_is_read_with_the_authority_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Server(QuietHandler):
        def do_GET(self) -> None:
            self.reply(200, b"content", {"ETag": '"e"', "Last-Modified": "Wed, 02 Jan 2030 03:04:05 GMT"})

    monkeypatch.setattr(client, "ATTEMPTS", 1)
    certificates = Certificates.make(tmp_path)
    with served(Server, certificates.of_server()) as port:
        _point_at(f"https://localhost:{port}", monkeypatch)
        with pytest.raises((StoreError, SSLError), match="CERTIFICATE_VERIFY_FAILED"):
            open_environment_store().get("s3://b/a")
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificates.ca))
        assert open_environment_store().get("s3://b/a") == b"content"
