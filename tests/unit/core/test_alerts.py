from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llmbatch.core.alerts import Alert, Level, list_alerts, message, read_alerts, title
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.store import MemoryStore
from llmbatch.core.stored import report_unreadable

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def alert(level: Level = Level.RED, **changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "job_id": "job-1",
        "dag_id": "llmbatch_inference",
        "run_id": "manual__1",
        "level": level,
        "number": 1,
        "raised_at": NOW,
        "raised_by": "sensor",
        "deadline": NOW + timedelta(minutes=40),
        "eta": EtaSeconds(p10=4200, p50=6600, p90=9600),
        "miss_probability": 0.93,
        "reason": "rows are longer than expected",
        "progress": 0.43,
        "replicas": 2,
        "replicas_needed": 4,
        "runbook_url": "https://wiki/llmbatch#sla-red",
    }
    return Alert(**{**fields, **changes})


def test_a_red_says_which_job_how_late_why_and_what_helps() -> None:
    assert title(alert()) == "[red] job-1: the SLA is at risk, expected 1 h 10 min late"
    assert message(alert()) == (
        "Job job-1 (run manual__1 of llmbatch_inference) is likely to miss its deadline. "
        "Deadline: 2030-01-01 12:40 UTC, in 40 min. 43% of the rows have an outcome; live replicas: 2. "
        "Expected to finish in 1 h 50 min (1 h 10 min to 2 h 40 min), 1 h 10 min late, chance of a miss 93%: "
        "rows are longer than expected. 4 replicas would keep the deadline. Runbook: https://wiki/llmbatch#sla-red"
    )


def test_an_unknown_eta_is_said_and_never_shown_as_a_number() -> None:
    found = alert(Level.CRITICAL, eta=None, miss_probability=None, reason="no heartbeat for 90s", replicas_needed=None)
    assert title(found) == "[critical] job-1: the SLA is violated"
    assert "The time of its finish is unknown: no heartbeat for 90s." in message(found)
    assert "None" not in message(found)


def test_a_deadline_that_has_passed_and_a_finish_before_it() -> None:
    assert ", 5 min ago." in message(alert(Level.CRITICAL, deadline=NOW - timedelta(minutes=5)))
    early = alert(Level.YELLOW, eta=EtaSeconds(p10=30, p50=60, p90=90))
    assert title(early) == "[yellow] job-1: the SLA time is running out"
    assert "Expected to finish in 1 min (30 s to 1 min 30 s), 39 min before the deadline" in message(early)


def test_ok_tells_why_and_not_that_nobody_knows() -> None:
    found = message(alert(Level.OK, eta=None, reason="finished 3 min before the deadline"))
    assert "needs no more attention" in found
    assert "finished 3 min before the deadline." in found
    assert "Nobody" not in found


def test_advice_is_a_sentence() -> None:
    assert "Advice: start more replicas. Runbook" in message(alert(advice="start more replicas"))


def test_alerts_are_read_in_the_order_in_which_they_were_raised() -> None:
    store, layout = MemoryStore(), JobLayout("s3://b/jobs/job-1")
    later = alert(Level.CRITICAL, raised_at=NOW + timedelta(hours=1))
    for item in (later, alert(Level.YELLOW)):
        store.put(layout.alert(item.level.value, item.number), item.model_dump_json().encode())
    store.put(f"{layout.alerts}delivered/yellow-1.webhook", b"{}")
    store.put(f"{layout.alerts}delivered/yellow-1.webhook.json", b"{}")
    assert [item.level for item in read_alerts(store, layout)] == [Level.YELLOW, Level.CRITICAL]


def test_an_unreadable_alert_is_skipped_and_its_number_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    report_unreadable.cache_clear()
    store, layout = MemoryStore(), JobLayout("s3://b/jobs/job-1")
    newer = {**json.loads(alert(Level.YELLOW).model_dump_json()), "team": "night shift"}
    store.put(layout.alert("yellow", 1), json.dumps(newer).encode())
    store.put(layout.alert("red", 1), b"cut o")
    store.put(layout.alert("violet", 1), json.dumps({**newer, "level": "violet"}).encode())
    store.put(f"{layout.alerts}notes.json", b"{}")
    for _ in range(3):
        found = list_alerts(store, layout)
        assert found.raised == (alert(Level.YELLOW),)
        assert found.unreadable == {"red": 1, "violet": 1}
    assert caplog.text.count("event=object_unreadable") == 2


@pytest.mark.parametrize("seconds", [1e12, 1e300])
def test_an_eta_beyond_all_dates_is_an_alert_too(seconds: float) -> None:
    found = alert(Level.RED, eta=EtaSeconds(p10=seconds, p50=seconds, p90=seconds))
    assert found.late_seconds == pytest.approx(seconds, rel=0.01)
    assert "late" in title(found)
    assert "late" in message(found)
