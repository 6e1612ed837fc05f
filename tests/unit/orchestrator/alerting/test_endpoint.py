from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fakes.alert_receiver import SECRET, Receiver, connect, receiving
from fakes.alerts import an_alert
from llmbatch.core.alerts import Level
from llmbatch.core.errors import SinkError, SinkRejected
from llmbatch.orchestrator.alerting.endpoint import Endpoint
from llmbatch.orchestrator.alerting.webhook import WebhookSink


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "am", "port": 9093}, "http://am:9093"),
        ({"host": "am", "schema": "https"}, "https://am"),
        ({"host": "https://am.example/prefix/", "port": 8443}, "https://am.example:8443/prefix"),
        ({"host": "https://am.example:1/a/b", "port": 2}, "https://am.example:1/a/b"),
        ({"host": "am", "schema": "http", "extra_dejson": {"path": "/hook"}}, "http://am/hook"),
    ],
)
def test_a_connection_gives_a_url(fields: dict[str, Any], url: str) -> None:
    names = ("host", "schema", "port", "login", "password")
    given = {"conn_id": "c", "extra_dejson": {}} | dict.fromkeys(names) | fields
    assert Endpoint.of_connection(SimpleNamespace(**given)).url == url


def test_a_password_without_login_is_a_token(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    connect(monkeypatch, "hook", host="127.0.0.1", port=receiver.port, password=SECRET)
    WebhookSink("hook").send(an_alert(Level.RED))
    assert receiver.requests[0][1]["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (302, SinkError, "answers 302"),
        (400, SinkRejected, "answers 400: no: Bearer"),
        (401, SinkError, "check login and password"),
        (404, SinkError, "check host, port and path"),
        (429, SinkError, "answers 429"),
        (503, SinkError, "answers 503"),
    ],
)
def test_a_refusal_says_why_and_hides_the_secret(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver, status: int, kind: type[SinkError], says: str
) -> None:
    connect(monkeypatch, "hook", host="127.0.0.1", port=receiver.port, password=SECRET)
    receiver.status = status
    with pytest.raises(SinkError, match=says) as caught:
        WebhookSink("hook").send(an_alert(Level.RED))
    assert type(caught.value) is kind
    assert "'hook'" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"host": "127.0.0.1", "port": 1}, "cannot be reached: .*refused"),
        ({"host": "http://bad host\x7f/" + SECRET}, "no valid address"),
        ({"host": "ftp://127.0.0.1/" + SECRET}, "cannot be reached"),
        ({"password": SECRET}, "has no host"),
    ],
)
def test_a_bad_address_is_named_by_its_connection(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], says: str
) -> None:
    connect(monkeypatch, "hook", **fields)
    with pytest.raises(SinkError, match=rf"connection 'hook'.*{says}") as caught:
        WebhookSink("hook").send(an_alert(Level.RED))
    assert SECRET not in str(caught.value)


def test_a_missing_connection_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow.sdk.BaseHook.get_connection", _unknown)
    with pytest.raises(SinkError, match="Airflow has no connection 'nope'; add it"):
        WebhookSink("nope").send(an_alert(Level.RED))


def _unknown(conn_id: str) -> None:
    from airflow.sdk.exceptions import AirflowNotFoundException

    raise AirflowNotFoundException(conn_id)


def test_an_address_shows_no_secret() -> None:
    shown = repr(Endpoint("c", f"https://hooks.example/{SECRET}", "me", SECRET))
    assert SECRET not in shown
