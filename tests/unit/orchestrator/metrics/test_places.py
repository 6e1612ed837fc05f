"""Where events are sent: once for each fact, with its labels. ``history/test_finished_events.py`` has finished jobs."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from fakes.admissions import HOUR_OF_WORK, RacingStore, store_with_work, submit
from fakes.alerts import LAYOUT, AtomicStore, FakeSink, an_alert
from fakes.events import RecordedEvents
from fakes.inboxes import INBOX, REFUSED, Deployment
from fakes.ray import FakeRay
from fakes.ray_task import Ti, deferred, over
from fakes.state_store import StateStore
from llmbatch.cli import backup
from llmbatch.core.alerts import Level
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ObjectMissing, RayJobError, RequestError, SinkError, SinkRejected
from llmbatch.core.states import ExitReason
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.admission import admit as admission
from llmbatch.orchestrator.alerting.delivery import deliver
from llmbatch.orchestrator.alerting.job_alerts import raise_alert
from llmbatch.orchestrator.tasks import inference
from llmbatch.orchestrator.tasks.job_run import JobRun

LOG = logging.getLogger("test.events")


@pytest.fixture
def accepted(monkeypatch: pytest.MonkeyPatch) -> RacingStore:
    monkeypatch.setattr(admission, "basis_for", lambda spec, history: HOUR_OF_WORK)
    return store_with_work()


def test_admissions(accepted: RacingStore, events: RecordedEvents) -> None:
    for number, hours in enumerate((3, 2, 0.5)):
        submit(store_with_work() if number else accepted, f"run-{number}", hours)
    submit(accepted, "run-0", 3)  # cleared: the same decision
    submit(accepted, "try", 3, dry_run=True)
    with pytest.raises(RequestError):
        submit(accepted, "late", 0.5, on_infeasible="reject")
    verdicts = ["accepted", "at_risk", "infeasible", "rejected"]
    assert events.of("admissions") == [(verdict, 1) for verdict in verdicts]


def test_alerts_are_counted_by_the_process_that_raises_them(events: RecordedEvents) -> None:
    store = AtomicStore()
    for _ in range(2):
        raise_alert(an_alert(Level.RED), store, LAYOUT)
    assert events.of("sla_alerts") == [("red", 1)]


def test_deliveries(events: RecordedEvents) -> None:
    def fault(error: Exception) -> Any:
        def raised() -> None:
            raise error

        return raised

    store, clock = AtomicStore(), ManualClock()
    raise_alert(an_alert(Level.RED), store, LAYOUT)
    sinks = [
        FakeSink("webhook.a", {0: fault(SinkError("port closed"))}),
        FakeSink("webhook.b", {0: fault(SinkRejected("bad label"))}),
    ]
    for _ in range(3):
        deliver(store, LAYOUT, sinks, LOG, clock)
        clock.advance(5)
    assert sorted(events.of("alert_deliveries")) == [
        ("webhook.a", "ok", 1),
        ("webhook.a", "retried", 1),
        ("webhook.b", "given_up", 1),
    ]


def test_the_drop_folder(events: RecordedEvents) -> None:
    there = Deployment(inbox=[{"uri": "s3://b/gone/inbox"}, {"uri": INBOX}])
    listed = there.store.list

    def list_(prefix: str) -> object:
        if prefix.startswith("s3://b/gone"):
            raise ObjectMissing(prefix)
        return listed(prefix)

    there.store.list = list_  # type: ignore[method-assign,assignment]
    there.drop("a.jsonl")
    there.drop(f"{REFUSED}.jsonl")
    there.scan()
    there.scan()
    assert events.of("drop_scans") == [("failed", 1), ("ok", 1)] * 2
    assert sorted(events.of("drop_inputs")) == [("refused", 1), ("started", 1)]


def job_run() -> JobRun:
    return JobRun(task_id="run", job_name="job", entrypoint="work --generation {generation} --id {submission_id}")


def test_generations_and_ends_of_ray_jobs(ray: FakeRay, context: dict[str, Any], events: RecordedEvents) -> None:
    deferred(job_run(), context)
    with pytest.raises(RayJobError):
        job_run().resume(context, over("job-g1", "FAILED", int(ExitReason.CRASHED)))
    deferred(job_run(), context)
    job_run().resume(context, over("job-g2", "SUCCEEDED", 0))
    assert events.of("generations_started") == [("first", 1), ("restart", 1)]
    assert events.of("ray_jobs_ended") == [("crashed", 1), ("committed", 1)]


@pytest.mark.parametrize(
    ("status", "code", "ends"),
    [("SUCCEEDED", 0, ["committed"]), ("STOPPED", None, ["stopped"]), ("FAILED", 20, ["bad_spec"])],
)
def test_an_end_that_no_attempt_has_seen_is_counted_once(
    ray: FakeRay,
    state: StateStore,
    context: dict[str, Any],
    events: RecordedEvents,
    status: str,
    code: int | None,
    ends: list[str],
) -> None:
    deferred(job_run(), context)
    ray.put("job-g1", status, code)
    if code == ExitReason.BAD_SPEC:
        with pytest.raises(Exception, match="BAD_SPEC"):
            job_run().execute(context)
    elif status == "SUCCEEDED":
        job_run().execute(context)
    else:
        deferred(job_run(), context)
    assert events.of("ray_jobs_ended") == [(end, 1) for end in ends]


def test_a_generation_that_ran_into_a_limit(ray: FakeRay, context: dict[str, Any], events: RecordedEvents) -> None:
    deferred(job_run(), context)
    with pytest.raises(RayJobError):
        job_run().resume(context, {**over("job-g1", "RUNNING"), "reason": "timeout"})
    assert events.of("ray_jobs_ended") == [("timeout", 1)]


def test_failed_jobs_by_task(events: RecordedEvents) -> None:
    ti = Ti()
    inference.note_failure({"ti": ti, "exception": ValueError("x")})
    assert events.of("jobs_failed") == [("run", 1)]


def test_backups(events: RecordedEvents, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    store.put("s3://b/jobs/j/spec.json", b"{}")
    monkeypatch.setattr(backup, "open_environment_store", lambda: store)
    monkeypatch.setattr(backup, "open_client", lambda: None)
    assert [backup.main([place, "s3://safe/jobs/"]) for place in ("s3://b/jobs/", "s3://b/none/")] == [0, 1]
    assert events.of("backups") == [("ok", 1), ("failed", 1)]
