from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.exported_jobs import full_progress
from fakes.finished_jobs import NOW, spec_of
from llmbatch.core.alerts import Level
from llmbatch.core.progress import EtaState, Progress
from llmbatch.core.states import Phase
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.sla_status import SeenJob, status_of_seen
from llmbatch.gateway.metrics.reading import Details
from llmbatch.gateway.pages.job_list.open_job import OpenJob, sent_input

SPEC = spec_of()


def run(state: str = "running", **conf: object) -> DagRun:
    return DagRun.model_validate(
        {"dag_id": "d", "dag_run_id": "r1", "state": state, "run_after": NOW, "start_date": NOW, "conf": conf}
    )


def job(progress: Progress | None, level: Level = Level.OK, *, minutes: float = 0, state: str = "running") -> OpenJob:
    at = NOW + timedelta(minutes=minutes)
    found = FoundJob(run(state), SPEC)
    return OpenJob(found, "small", status_of_seen(SeenJob(found, progress), at), progress, Details(level), None, at)


def beat(phase: Phase = Phase.WORK, **changes: object) -> Progress:
    return full_progress(SPEC.job_id, NOW, phase, **changes)


@pytest.mark.parametrize(
    ("alerted", "minutes", "level", "words"),
    [
        (Level.OK, 0, Level.OK, "On track"),
        (Level.YELLOW, 0, Level.YELLOW, "Yellow"),
        (Level.RED, 0, Level.RED, "Red"),
        (Level.YELLOW, 10, Level.RED, "At risk"),  # no heartbeat for ten minutes
        (Level.RED, 130, Level.CRITICAL, "Violated"),
        (Level.CRITICAL, 130, Level.CRITICAL, "Critical"),
    ],
)
def test_the_level_is_the_worse_of_alert_and_status(alerted: Level, minutes: float, level: Level, words: str) -> None:
    found = job(beat(), alerted, minutes=minutes)
    assert (found.level, found.level_words) == (level, words)
    assert found.is_at_risk is (level in {Level.RED, Level.CRITICAL})


def test_rates_are_those_of_a_job_that_lives() -> None:
    found = job(beat())
    assert (found.rows_per_second, found.tokens_per_second, found.lives) == (1.5, 25, True)
    for dead in (job(beat(), minutes=3), job(beat(Phase.DRAINED)), job(None)):
        assert (dead.rows_per_second, dead.tokens_per_second, dead.lives) == (None, None, False)


def test_the_finish_is_the_same_until_the_next_heartbeat() -> None:
    now, later = job(beat()).finish, job(beat(), minutes=1).finish
    assert now == later == tuple(NOW + timedelta(minutes=each) for each in (20, 30, 60))


def test_an_estimate_that_no_longer_holds_is_no_finish() -> None:
    stalled = job(beat(eta_state=EtaState.STALLED))
    assert (stalled.finish, job(beat(), minutes=3).finish, job(None).finish) == (None, None, None)


def test_the_phase_is_in_words() -> None:
    assert [job(each).phase for each in (beat(Phase.MODEL_LOAD), beat(paused=True), None)] == [
        "model load", "paused", "queued",
    ]  # fmt: skip


def test_a_job_started_with_its_ray_job_else_with_its_run() -> None:
    assert job(beat(started_at=NOW + timedelta(minutes=1))).started_at == NOW + timedelta(minutes=1)
    assert job(None).started_at == NOW
    assert job(None, state="queued").started_at is None


def test_the_input_is_that_of_the_request() -> None:
    assert job(None).input_uri == "s3://b/in.jsonl"
    assert sent_input(FoundJob(run(input_uri="s3://b/x"), None)) == "s3://b/x"
    assert sent_input(FoundJob(run(input_uri=["s3://b/x"]), None)) == ""
