from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.sdk import BaseNotifier

from fakes.alerts import START, an_alert
from llmbatch.core.alerts import Level
from llmbatch.core.config import AlertsConfig
from llmbatch.core.errors import SinkError, SinkRejected
from llmbatch.orchestrator.alerting.alertmanager import AlertmanagerSink, alerts_body
from llmbatch.orchestrator.alerting.endpoint import Endpoint
from llmbatch.orchestrator.alerting.notifier import NotifierSink
from llmbatch.orchestrator.alerting.sinks import sinks_of
from llmbatch.orchestrator.alerting.statsd_server import StatsdSink
from llmbatch.orchestrator.alerting.task_log import TaskLogSink
from llmbatch.orchestrator.alerting.webhook import WebhookSink

SECRET = "s3cr3t-token"
HERE = f"{__name__}"


class Receiver:
    """A web server that remembers requests, answers as told, and shows each caller its credentials."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(receiver.status)
                self.end_headers()
                self.wfile.write(f"no: {self.headers.get('Authorization')}".encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, **fields: Any) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({"conn_type": "http", **fields}))


class Recorder(BaseNotifier):
    template_fields: Sequence[str] = ("text",)
    sent: list[str] = []  # noqa: RUF012 - the sink builds the notifier itself

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Any) -> None:
        if "boom" in self.text:
            raise RuntimeError(f"cannot {self.text}")
        self.sent.append(f"sync {self.text}")


class Awaiting(Recorder):
    notify = BaseNotifier.notify

    async def async_notify(self, context: Any) -> None:
        self.sent.append(f"async {self.text}")


@pytest.mark.parametrize(
    ("level", "severity"),
    [(Level.OK, "INFO"), (Level.YELLOW, "WARNING"), (Level.RED, "ERROR"), (Level.CRITICAL, "CRITICAL")],
)
def test_the_task_log_gets_one_line_as_severe_as_the_level(
    level: Level, severity: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        TaskLogSink().send(an_alert(level))
    assert [record.levelname for record in caplog.records] == [severity]
    line = caplog.messages[0]
    assert "\n" not in line
    assert f"alert=job-1:{level.value}-1" in line


def test_statsd_counts_levels_and_names_no_job() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        StatsdSink("127.0.0.1", server.getsockname()[1], "batch").send(an_alert(Level.RED))
        lines = server.recv(4096).decode().splitlines()
    assert lines == [
        *("batch.sla.alert.red:1|c", "batch.sla.miss_probability:0.8|g"),
        *("batch.sla.eta_p50_hours:5.0|g", "batch.sla.eta_p90_hours:9.0|g"),
        *("batch.sla.margin_hours:0|g", "batch.sla.margin_hours:-1.0|g"),
    ]


def test_statsd_sends_no_number_that_is_unknown() -> None:
    unknown = an_alert(Level.RED).model_copy(update={"eta": None, "miss_probability": None})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        StatsdSink("127.0.0.1", server.getsockname()[1], "x").send(unknown)
        assert server.recv(4096) == b"x.sla.alert.red:1|c"


def test_statsd_says_that_its_host_cannot_be_found() -> None:
    with pytest.raises(SinkError, match=r"'no such host' cannot be found .*alerts.statsd"):
        StatsdSink("no such host", 1, "x").send(an_alert(Level.RED))


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


def test_a_webhook_gets_the_whole_alert_once_with_its_key(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    connect(monkeypatch, "hook", host=f"http://127.0.0.1:{receiver.port}/in", login="me", password=SECRET)
    WebhookSink("hook").send(an_alert(Level.RED))
    [(path, headers, body)] = receiver.requests
    assert path == "/in"
    assert headers["Idempotency-Key"] == body["alert_id"] == "job-1:red-1"
    assert headers["Authorization"].startswith("Basic ")
    assert body["title"] == "[red] job-1: the SLA is at risk, expected 1 h late"
    assert (body["level"], body["miss_probability"], body["eta"]["p50"]) == ("red", 0.8, 18000)


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


@pytest.mark.parametrize(("name", "how"), [("Recorder", "sync"), ("Awaiting", "async")])
def test_a_notifier_sees_the_alert(name: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "sent", [])
    sink = NotifierSink(f"{HERE}.{name}", {"text": "{{ alert.level }} {{ dag_run.run_id }} {{ title }}"})
    for number in (1, 2):
        sink.send(an_alert(Level.RED, number))
    text = f"{how} red run-1 [red] job-1: the SLA is at risk, expected 1 h late"
    assert Recorder.sent == [text, text]


@pytest.mark.parametrize(
    ("path", "arguments", "says"),
    [
        ("Recorder", {"text": "boom"}, "Recorder failed: RuntimeError: cannot boom"),
        ("Recorder", {"txt": "x"}, "Recorder failed: TypeError"),
        ("Receiver", {}, "is not an Airflow notifier"),
        ("Missing", {}, "cannot be imported"),
    ],
)
def test_a_notifier_that_fails_says_what_to_correct(path: str, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(SinkError, match=says):
        NotifierSink(f"{HERE}.{path}", arguments).send(an_alert(Level.RED))


def test_alertmanager_is_asked_by_its_second_api_only(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    connect(monkeypatch, "am", host=f"http://127.0.0.1:{receiver.port}/prefix", password=SECRET)
    for level in Level:
        AlertmanagerSink("am").send(an_alert(level))
    assert {path for path, _, _ in receiver.requests} == {"/prefix/api/v2/alerts"}
    assert {headers["Authorization"] for _, headers, _ in receiver.requests} == {f"Bearer {SECRET}"}


def test_firing_says_itself_when_it_ends() -> None:
    ends = {}
    for level, hours in ((Level.YELLOW, 5), (Level.RED, 5), (Level.CRITICAL, 4 + 7 * 24)):
        [body] = alerts_body(an_alert(level, minute=3))
        assert body["startsAt"] == "2030-01-01T00:03:00+00:00"
        ends[level] = (hours, body["endsAt"])
    assert ends == {
        Level.YELLOW: (5, "2030-01-01T05:00:00+00:00"),
        Level.RED: (5, "2030-01-01T05:00:00+00:00"),
        Level.CRITICAL: (172, "2030-01-08T04:00:00+00:00"),
    }


def test_one_raised_long_after_the_deadline_does_not_end_before_it_starts() -> None:
    late = an_alert(Level.RED, minute=24 * 60)
    [body] = alerts_body(late)
    assert body["endsAt"] > body["startsAt"]


def test_ok_ends_each_level_under_the_labels_that_fired() -> None:
    ok = alerts_body(an_alert(Level.OK, minute=9))
    fired = [alerts_body(an_alert(level))[0]["labels"] for level in (Level.YELLOW, Level.RED, Level.CRITICAL)]
    assert [item["labels"] for item in ok] == fired
    assert {item["endsAt"] for item in ok} == {START.replace(minute=9).isoformat()}


def test_the_task_log_is_always_there_and_names_are_unique() -> None:
    assert [sink.name for sink in sinks_of(AlertsConfig())] == ["task-log"]
    config = AlertsConfig.model_validate(
        {
            "alertmanager": [{"conn_id": "am"}, {"conn_id": "am_2"}, {"conn_id": "am"}],
            "webhook": [{"conn_id": "am"}],
            "statsd": [{"host": "h"}, {"host": "h", "port": 9}],
            "notifiers": [{"path": "a.B", "arguments": {"x": 1}}, {"path": "a.B"}],
        }
    )
    names = [sink.name for sink in sinks_of(config)]
    assert names == [
        *("task-log", "alertmanager.am", "alertmanager.am_2", "webhook.am", "statsd.h.8125", "statsd.h.9"),
        *("notifier.B.b69c8256", "notifier.B.cee99059"),
    ]


def test_the_example_in_the_configuration_is_right_but_for_its_comment_signs() -> None:
    text = (Path(__file__).parents[4] / "config" / "config.yaml").read_text()
    example = text.partition("# alerts:\n")[2].partition("\n\n")[0]
    alerts = yaml.safe_load("\n".join(line.removeprefix("#") for line in example.splitlines()))
    config = AlertsConfig.model_validate(alerts)
    assert len(sinks_of(config)) == 5
    for item in config.notifiers:
        NotifierSink(item.path, item.arguments)._kind()


def test_the_payload_in_the_documentation_is_what_is_sent(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    text = (Path(__file__).parents[4] / "docs" / "alerts.md").read_text()
    shown = json.loads(text.partition("```json\n")[2].partition("```")[0])
    connect(monkeypatch, "hook", host="127.0.0.1", port=receiver.port)
    WebhookSink("hook").send(an_alert(Level.RED))
    sent = receiver.requests[0][2]
    assert sent["message"].startswith(shown.pop("message").rstrip("…"))
    assert {**sent, "message": None} == {**shown, "message": None}
