"""The API key of Prometheus: made once, replaced when the gateway refuses it, never readable by others."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.http_server import QuietHandler, served
from llmbatch_stack.components.gateway_key import GatewayKey
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.process.component import StepError
from llmbatch_stack.settings import Settings, load


class Gateway:
    """Airflow and its gateway, as far as a key needs them."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.valid: set[str] = set()
        self.answer = 201
        self.port = 0
        gateway = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                key = self.headers["Authorization"].removeprefix("Bearer ")
                self.reply(200 if key in gateway.valid else 401)

            def do_POST(self) -> None:
                body = json.loads(self.body())
                if self.path == "/auth/token":
                    self.say(201, {"access_token": "token of " + body["username"]})
                    return
                assert self.path == "/llmbatch/keys"
                assert self.headers["Authorization"] == "Bearer token of admin"
                gateway.made.append(f"key-{len(gateway.made)}")
                gateway.valid.add(gateway.made[-1])
                self.say(gateway.answer, {"key": gateway.made[-1]} if gateway.answer == 201 else {"error": "no room"})

            def say(self, status: int, body: object) -> None:
                self.reply(status, json.dumps(body).encode())

        self.handler = Handler


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    with served(made.handler) as made.port:
        yield made


def _key(gateway: Gateway, folder: Path) -> GatewayKey:
    settings: Settings = replace(load({}), state=folder, port_base=gateway.port)
    return GatewayKey(settings, load_or_create(settings), folder / "gateway-key")


def test_a_key_is_made_once_and_is_private(gateway: Gateway, tmp_path: Path):
    key = _key(gateway, tmp_path)
    key.ensure()
    key.ensure()
    assert gateway.made == ["key-0"]
    assert key.path.read_text() == "key-0"
    assert stat.S_IMODE(key.path.stat().st_mode) == 0o600


def test_a_refused_key_is_replaced(gateway: Gateway, tmp_path: Path):
    key = _key(gateway, tmp_path)
    key.ensure()
    gateway.valid.clear()
    key.ensure()
    assert key.path.read_text() == "key-1"


def test_a_gateway_that_does_not_answer_costs_no_key(gateway: Gateway, tmp_path: Path):
    key = _key(gateway, tmp_path)
    key.path.write_text("old")
    away = replace(key, settings=replace(key.settings, port_base=1024))
    away.ensure()
    assert key.path.read_text() == "old"


def test_a_refusal_is_shown_without_a_secret(gateway: Gateway, tmp_path: Path):
    gateway.answer = 507
    key = _key(gateway, tmp_path)
    with pytest.raises(StepError, match=r"POST .*/llmbatch/keys answers 507 .*no room") as caught:
        key.ensure()
    assert key.credentials.airflow_password not in str(caught.value)
    assert not key.path.exists()
