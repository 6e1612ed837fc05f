"""The words and numbers at the top of a job's page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_job, put_run
from fakes.shown_jobs import beat_of, put_beat
from llmbatch.core.admission import Feasibility
from llmbatch.core.control import Control
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.sla_status import Status
from llmbatch.core.states import DesiredState, Phase
from llmbatch.gateway.jobs.answers import Job
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.view import FINISHED, REFUSED, job_of, links_of
from llmbatch.gateway.pages.job.head import PHASES, VERDICTS, Head, head_of


def head(gateway: FakeGateway, run_id: str, spec: JobSpec | None, control: Control | None = None) -> Head:
    found = FoundJob(gateway.airflow.dag_runs[INFERENCE_DAG, run_id], spec)
    now = gateway.clock.now()
    return head_of(found, job_of(found, gateway.parts.documents, now, links_of(found, "", ""), None),
                   control or Control(), None, (), now)  # fmt: skip


def test_every_phase_and_verdict_has_words() -> None:
    assert set(PHASES) == {*Phase, FINISHED, REFUSED}
    assert set(VERDICTS) == set(Feasibility)


def test_a_job_that_runs_has_an_estimate_to_the_minute() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_beat(gateway, spec)
    shown = head(gateway, "r", spec)
    assert shown.finish is not None
    assert (shown.finish.p50.second, shown.finish.p10 < shown.finish.p50 < shown.finish.p90) == (0, True)
    assert abs(shown.finish.p50 - gateway.clock.now() - timedelta(seconds=3000)) <= timedelta(seconds=31)
    assert shown.rows == (
        ("succeeded", 400), ("running", 64), ("waiting", 523), ("failed", 12), ("expired", 1)
    )  # fmt: skip
    assert (shown.word, shown.phase, shown.notices) == ("on track", "works", ())


def test_an_estimate_of_any_size_is_a_time() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    beat = beat_of(spec, eta=None)
    huge = beat.model_copy(update={"eta": beat_of(spec).eta.model_copy(update={"p90": 1e18})})  # type: ignore[union-attr]
    gateway.store.put(spec.layout.progress, huge.model_dump_json().encode())
    shown = head(gateway, "r", spec)
    assert shown.finish is not None
    assert shown.finish.p90.year >= 9000


def test_a_finished_job_has_no_estimate_and_a_word() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    shown = head(gateway, "done", spec)
    assert (shown.finish, shown.word, shown.is_over) == (None, "in time", True)
    assert shown.cost is not None


@pytest.mark.parametrize(
    ("state", "status", "word"),
    [("success", Status.VIOLATED, "late"), ("running", Status.VIOLATED, "deadline missed"), ("failed", None, "")],
)
def test_words_of_a_status(state: str, status: Status | None, word: str) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", state)
    found = FoundJob(gateway.airflow.dag_runs[INFERENCE_DAG, "r"], spec)
    job: Job = job_of(found, gateway.parts.documents, gateway.clock.now(), links_of(found, "", ""), None)
    job = job.model_copy(update={"status": status})
    assert head_of(found, job, Control(), None, (), gateway.clock.now()).word == word


@pytest.mark.parametrize(
    ("state", "words"),
    [("queued", "waits"), ("running", "not accepted"), ("failed", "refused"), ("success", "removed")],
)
def test_a_job_without_a_folder_says_why(state: str, words: str) -> None:
    gateway = fake_gateway()
    put_run(gateway, "r", state)
    notices = head(gateway, "r", None).notices
    assert len(notices) == 1
    assert words in notices[0]


def test_requests_in_force_are_told() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_beat(gateway, spec)
    control = Control(desired=DesiredState.DRAIN, paused=True, reason="new GPUs", written_by="bob")
    notices = head(gateway, "r", spec, control).notices
    assert notices == ("bob requested a drain (new GPUs).", "The job is paused (new GPUs).")


def test_a_job_that_has_not_started_says_what_it_waits_for() -> None:
    gateway = fake_gateway()
    assert "no engine works" in head(gateway, "r", put_job(gateway, "r")).notices[0]
    assert "waits in Airflow" in head(gateway, "q", put_job(gateway, "q", "queued")).notices[0]


def test_a_dry_run_is_called_one() -> None:
    gateway = fake_gateway()
    put_run(gateway, "r", "queued", dry_run=True)
    shown = head(gateway, "r", None)
    assert (shown.is_dry, shown.word, "dry run" in shown.notices[0]) == (True, "", True)
