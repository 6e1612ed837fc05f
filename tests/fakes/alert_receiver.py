"""A web server that receives alerts, and the Airflow connection to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fakes.http_server import QuietHandler, served

SECRET = "s3cr3t-token"


class Receiver:
    """A web server that remembers requests, answers with ``status``, and shows each caller its credentials."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.port = 0
        receiver = self

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                receiver.requests.append((self.path, dict(self.headers), json.loads(self.body())))
                self.reply(receiver.status, f"no: {self.headers.get('Authorization')}".encode())

        self.handler = Handler


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, **fields: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({"conn_type": "http", **fields}))


@contextmanager
def receiving() -> Iterator[Receiver]:
    one = Receiver()
    with served(one.handler) as one.port:
        yield one
