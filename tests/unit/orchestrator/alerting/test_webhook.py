from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.alert_receiver import SECRET, Receiver, connect, receiving
from fakes.alerts import an_alert
from llmbatch.core.alerts import Level
from llmbatch.orchestrator.alerting.webhook import WebhookSink


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def test_a_webhook_gets_the_whole_alert_once_with_its_key(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    connect(monkeypatch, "hook", host=f"http://127.0.0.1:{receiver.port}/in", login="me", password=SECRET)
    WebhookSink("hook").send(an_alert(Level.RED))
    [(path, headers, body)] = receiver.requests
    assert path == "/in"
    assert headers["Idempotency-Key"] == body["alert_id"] == "job-1:red-1"
    assert headers["Authorization"].startswith("Basic ")
    assert body["title"] == "[red] job-1: the SLA is at risk, expected 1 h late"
    assert (body["level"], body["miss_probability"], body["eta"]["p50"]) == ("red", 0.8, 18000)


def test_the_payload_in_the_documentation_is_what_is_sent(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    text = (Path(__file__).parents[4] / "docs" / "alerts.md").read_text()
    shown = json.loads(text.partition("```json\n")[2].partition("```")[0])
    connect(monkeypatch, "hook", host="127.0.0.1", port=receiver.port)
    WebhookSink("hook").send(an_alert(Level.RED))
    sent = receiver.requests[0][2]
    assert sent["message"].startswith(shown.pop("message").rstrip("…"))
    assert {**sent, "message": None} == {**shown, "message": None}
