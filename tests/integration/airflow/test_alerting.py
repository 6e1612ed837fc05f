"""Alerts on their way to real receivers, with one of them broken beside the others."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alert_receivers import Alertmanager, Hook, running_hook
from llmbatch.core.alert_settings import AlertsConfig
from llmbatch.core.alerts import Alert, Level
from llmbatch.core.clock import ManualClock
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.alerting.delivery import deliver
from llmbatch.orchestrator.alerting.job_alerts import raise_alert
from llmbatch.orchestrator.alerting.sinks import Sink, sinks_of
from llmbatch_stack.install import tools
from llmbatch_stack.settings import load

from .conftest import free_ports

pytestmark = pytest.mark.integration
LAYOUT = JobLayout("s3://b/jobs/job-7")
LOG = logging.getLogger("test.alerting")
SECRET = "s3cr3t-token"
NOW = datetime.now(UTC)  # Alertmanager goes by the machine's clock


@pytest.fixture
def hook() -> Iterator[Hook]:
    with running_hook() as one:
        yield one


@pytest.fixture
def alertmanager(tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alertmanager]:
    server = Alertmanager(tmp_path, free_ports(1)[0], hook.port)
    connect(monkeypatch, "am", server.port)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def statsd() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        yield server


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, port: int) -> None:
    fields = {"conn_type": "http", "host": "127.0.0.1", "port": port, "password": SECRET, "extra": {"path": ""}}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))


def an_alert(level: Level, number: int = 1, *, seconds: float = 0) -> Alert:
    return Alert(
        job_id="job-7",
        dag_id="llmbatch_inference",
        run_id="manual__1",
        level=level,
        number=number,
        raised_at=NOW + timedelta(seconds=seconds),
        raised_by="sensor",
        deadline=NOW + timedelta(hours=1),
        eta=EtaSeconds(p10=3600, p50=2 * 3600 - seconds, p90=3 * 3600),
        miss_probability=0.9,
        reason="half of the replicas are gone",
        progress=0.25,
        replicas=1,
        replicas_needed=2,
        runbook_url=f"https://runbook.example/x#sla-{level.value}",
    )


def of_alertmanager(clock: ManualClock, store: MemoryStore) -> None:
    deliver(store, LAYOUT, sinks_of(AlertsConfig.model_validate({"alertmanager": [{"conn_id": "am"}]})), LOG, clock)


def test_alertmanager_shows_each_level_until_ok(alertmanager: Alertmanager, hook: Hook) -> None:
    store, clock = MemoryStore(), ManualClock()
    for seconds, level in ((-3, Level.YELLOW), (-2, Level.RED)):
        raise_alert(an_alert(level, seconds=seconds), store, LAYOUT)
    of_alertmanager(clock, store)
    shown = alertmanager.firing()
    assert set(shown) == {"yellow", "red"}
    assert shown["red"]["labels"] == {
        "alertname": "LlmbatchSla",
        "job_id": "job-7",
        "level": "red",
        "severity": "critical",
        "dag_id": "llmbatch_inference",
        "run_id": "manual__1",
    }
    notes = shown["red"]["annotations"]
    assert notes["summary"] == "[red] job-7: the SLA is at risk, expected 1 h late"
    assert "half of the replicas are gone" in notes["description"]
    assert (notes["runbook_url"], notes["alert_id"]) == ("https://runbook.example/x#sla-red", "job-7:red-1")
    assert datetime.fromisoformat(shown["red"]["endsAt"]) == _milliseconds(NOW + timedelta(hours=2))
    hook.notified("firing", "red")
    time.sleep(2)  # twice the resolve_timeout
    assert set(alertmanager.firing()) == {"yellow", "red"}, "vanished after resolve_timeout"

    raise_alert(an_alert(Level.OK, seconds=-1), store, LAYOUT)
    of_alertmanager(clock, store)
    assert alertmanager.firing() == {}
    sent = hook.notified("resolved", "red")
    assert sent["annotations"]["alert_id"] == "job-7:ok-1"
    hook.notified("resolved", "yellow")
    levels = {alert["labels"]["level"] for _, body in hook.at("/from-alertmanager") for alert in body["alerts"]}
    assert levels == {"yellow", "red"}, "a receiver got a level that never fired"

    raise_alert(an_alert(Level.RED, 2), store, LAYOUT)
    of_alertmanager(clock, store)
    assert set(alertmanager.firing()) == {"red"}


def test_a_critical_alert_stays_for_days(alertmanager: Alertmanager) -> None:
    store = MemoryStore()
    late = an_alert(Level.CRITICAL).model_copy(update={"deadline": NOW - timedelta(seconds=5)})
    raise_alert(late, store, LAYOUT)
    of_alertmanager(ManualClock(), store)
    assert datetime.fromisoformat(alertmanager.firing()["critical"]["endsAt"]) == _milliseconds(NOW + timedelta(days=7))


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def all_sinks(statsd: socket.socket) -> tuple[Sink, ...]:
    """Return the sinks as a process that has just started finds them."""
    config = {
        "alertmanager": [{"conn_id": "am"}],
        "webhook": [{"conn_id": "hook"}, {"conn_id": "broken"}],
        "statsd": [{"host": "127.0.0.1", "port": statsd.getsockname()[1]}],
    }
    return sinks_of(AlertsConfig.model_validate(config))


def test_one_broken_receiver_and_restarts_in_between(
    alertmanager: Alertmanager,
    hook: Hook,
    statsd: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    store, clock = MemoryStore(), ManualClock()
    connect(monkeypatch, "hook", hook.port)
    connect(monkeypatch, "broken", free_ports(1)[0])
    raise_alert(an_alert(Level.YELLOW, seconds=-2), store, LAYOUT)
    raise_alert(an_alert(Level.RED, seconds=-1), store, LAYOUT)
    for _ in range(2):  # the second as after a restart
        deliver(store, LAYOUT, all_sinks(statsd), LOG, clock)
    assert [headers["Idempotency-Key"] for headers, _ in hook.at("/")] == ["job-7:yellow-1", "job-7:red-1"]
    assert set(alertmanager.firing()) == {"yellow", "red"}
    assert [statsd.recv(4096).split(b"\n")[0] for _ in range(2)] == [
        b"llmbatch.sla.alert.yellow:1|c",
        b"llmbatch.sla.alert.red:1|c",
    ]
    assert [record.levelname for record in caplog.records if record.message.startswith("event=alert ")] == [
        *("WARNING", "ERROR")
    ]
    assert caplog.text.count("sink=webhook.broken try=1/60") == 1

    with running_hook() as mended:
        connect(monkeypatch, "broken", mended.port)
        for _ in range(3):
            clock.advance(120)
            deliver(store, LAYOUT, all_sinks(statsd), LOG, clock)
        assert [headers["Idempotency-Key"] for headers, _ in mended.at("/")] == ["job-7:yellow-1", "job-7:red-1"]
        assert len(hook.at("/")) == 2
    statsd.setblocking(False)
    with pytest.raises(BlockingIOError):
        statsd.recv(1)
    assert SECRET not in caplog.text
    assert "/alerts/undelivered/" not in "".join(store.objects)


def test_alertmanager_is_down_while_red_is_raised_and_taken_back(alertmanager: Alertmanager) -> None:
    store, clock = MemoryStore(), ManualClock()
    alertmanager.stop()
    raise_alert(an_alert(Level.RED, seconds=-2), store, LAYOUT)
    of_alertmanager(clock, store)
    raise_alert(an_alert(Level.OK, seconds=-1), store, LAYOUT)
    alertmanager.start()
    for _ in range(3):
        clock.advance(60)
        of_alertmanager(clock, store)
    assert alertmanager.firing() == {}, "a late red was delivered after its ok"
    for key in ("red-1.alertmanager.am", "ok-1.alertmanager.am"):
        assert f"{LAYOUT.alerts}delivered/{key}" in store.objects


def test_amtool_accepts_the_configuration_of_this_test(alertmanager: Alertmanager) -> None:
    program = tools.find(load({}), "amtool")
    assert program is not None, "run `make install`"
    subprocess.run([program, "check-config", alertmanager.config], check=True, capture_output=True)
