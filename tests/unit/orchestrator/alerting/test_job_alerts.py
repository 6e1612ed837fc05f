from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.alerts import LAYOUT, START, AtomicStore, an_alert
from fakes.proofs import put_proof
from fakes.sla import accepted
from llmbatch.core.alert_settings import AlertsConfig
from llmbatch.core.alerts import Level
from llmbatch.core.clock import ManualClock
from llmbatch.core.config_sections import SlaConfig
from llmbatch.core.sla import JobSla
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.alerting import job_alerts
from llmbatch.orchestrator.alerting.job_alerts import DELIVERY_SECONDS, JobAlerts, raise_alert

RED = an_alert(Level.RED, minute=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def alerts(clock: ManualClock) -> JobAlerts:
    """The alerts of a job that has an hour from ``START``."""
    store = MemoryStore(clock)
    spec = accepted(store, START)
    return JobAlerts(JobSla.of(spec), spec.layout, store, clock, "sensor", SlaConfig(), AlertsConfig())


def test_who_raises_first_raises() -> None:
    store = AtomicStore()
    assert raise_alert(RED, store, LAYOUT)
    assert not raise_alert(RED.model_copy(update={"raised_by": "deadline"}), store, LAYOUT)
    assert b'"sensor"' in store.get(LAYOUT.alert("red", 1))


def test_who_loses_the_race_for_an_alert_knows_it_and_goes_on(
    alerts: JobAlerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_alerts, "raise_alert", lambda *_: False)
    assert alerts.raise_due(None, START + timedelta(minutes=43)) == ()
    assert alerts.machine.firing == {Level.YELLOW}


def test_an_alert_is_raised_with_the_watcher_s_name_unless_the_job_has_a_manifest(alerts: JobAlerts) -> None:
    (yellow,) = alerts.raise_due(None, START + timedelta(minutes=43))
    assert (yellow.level, yellow.number, yellow.raised_by) == (Level.YELLOW, 1, "sensor")
    put_proof(alerts.store, alerts.layout, "job-ffffffffffffffff")
    assert len(alerts.raise_due(None, START + timedelta(minutes=61))) == 1
    put_proof(alerts.store, alerts.layout)
    assert alerts.raise_due(None, START + timedelta(minutes=200)) == ()


def test_only_an_alert_that_fires_is_resolved(alerts: JobAlerts) -> None:
    now = START + timedelta(minutes=43)
    assert alerts.resolve(None, "the job finished", now) is None
    alerts.raise_due(None, now)
    ok = alerts.resolve(None, "the job finished", now)
    assert ok is not None
    assert (ok.level, ok.reason) == (Level.OK, "the job finished")


def test_deliveries_have_pauses_but_a_new_alert_is_sent_at_once(
    alerts: JobAlerts, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[float] = []
    monkeypatch.setattr(job_alerts, "deliver", lambda *_: sent.append(clock.monotonic()))
    alerts.send_due()
    assert sent == []
    alerts.raise_due(None, START + timedelta(minutes=43))
    alerts.send_due()
    alerts.send_due()
    assert sent == [0]
    clock.advance(1)
    alerts.raise_due(None, START + timedelta(minutes=61))
    alerts.send_due()
    assert sent == [0, 1]
    clock.advance(DELIVERY_SECONDS)
    alerts.send_due()
    assert sent == [0, 1, 1 + DELIVERY_SECONDS]


def test_an_unreadable_alert_ends_no_later_one(alerts: JobAlerts) -> None:
    alerts.store.put(alerts.layout.alert("yellow", 1), b"cut o")
    (yellow,) = alerts.raise_due(None, START + timedelta(minutes=43))
    assert (yellow.level, yellow.number) == (Level.YELLOW, 2)
    assert alerts.raise_due(None, START + timedelta(minutes=44)) == ()
    (critical,) = alerts.raise_due(None, START + timedelta(minutes=61))
    assert (critical.level, critical.number) == (Level.CRITICAL, 1)
