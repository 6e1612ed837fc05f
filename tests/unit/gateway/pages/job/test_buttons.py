"""Which buttons the state of a job allows."""

from __future__ import annotations

import json

import pytest

from fakes.finished_jobs import finish, spec_of
from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_job
from fakes.shown_jobs import beat_of
from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.manifest import JobManifest
from llmbatch.core.request_options import OnCancel
from llmbatch.core.states import DesiredState, Phase
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.pages.job.buttons import Button, Situation, allowed, possible
from llmbatch.gateway.pages.job.rights import Right


def situation(state: str = "running", *, accepted: bool = True, **changes: object) -> Situation:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", state)
    found = FoundJob(gateway.airflow.dag_runs[INFERENCE_DAG, "r"], spec if accepted else None)
    given = {
        "found": found, "progress": beat_of(spec) if accepted else None, "control": Control(), "proof": None,
        "may_read": True, "admitting": True, "is_staged": True, "most_replicas": 16, **changes,
    }  # fmt: skip
    return Situation(**given)  # type: ignore[arg-type]


def proof(*, failed: int = 1, invalid: int = 0) -> JobManifest:
    found = finish(MemoryStore(), spec_of())
    rows = found.rows.model_copy(update={"failed": failed})
    return found.model_copy(update={"rows": rows, "input": found.input.model_copy(update={"invalid_rows": invalid})})


def verbs(now: Situation) -> list[str]:
    return [button.verb for button in possible(now)]


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (Control(), ["pause", "scale", "drain", "cancel"]),
        (Control(paused=True), ["resume", "scale", "drain", "cancel"]),
        (Control(desired=DesiredState.DRAIN), ["resume", "cancel"]),
        (Control(desired=DesiredState.CANCEL), ["resume"]),
        (Control(desired=DesiredState.CANCEL, generation=0), ["pause", "scale", "drain", "cancel"]),
    ],
)
def test_a_job_that_runs(control: Control, expected: list[str]) -> None:
    assert verbs(situation(control=control)) == expected


def test_a_job_before_its_first_heartbeat_may_be_steered() -> None:
    assert verbs(situation("queued", progress=None)) == ["pause", "scale", "drain", "cancel"]


def test_a_job_whose_rows_are_done_has_nothing_to_stop() -> None:
    done = situation().progress
    assert done is not None
    assert verbs(situation(progress=done.model_copy(update={"phase": Phase.DONE}))) == []


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_job_that_is_not_accepted_can_only_be_cancelled(state: str) -> None:
    assert verbs(situation(state, accepted=False)) == ["cancel"]


def test_a_failed_job_continues_and_a_refused_one_does_not() -> None:
    found = possible(situation("failed"))
    assert [(button.verb, button.right) for button in found] == [("resume", Right.CONTINUE_RUN)]
    assert verbs(situation("failed", accepted=False)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"proof": proof()}, ["retry-failed", "deliver"]),
        ({"proof": None}, []),
        ({"proof": proof(failed=0)}, ["deliver"]),
        ({"proof": proof(), "may_read": False}, []),
        ({"proof": proof(), "admitting": False}, ["deliver"]),
        ({"proof": proof(), "is_staged": False}, ["deliver"]),
        ({"proof": proof(failed=1, invalid=1)}, ["deliver"]),
        ({"proof": proof(failed=8, invalid=6)}, ["deliver"]),
        ({"proof": proof(failed=8, invalid=5)}, ["retry-failed", "deliver"]),
    ],
)
def test_a_delivered_job_is_delivered_again_and_retried_if_the_retry_would_be_accepted(
    changes: dict[str, object], expected: list[str]
) -> None:
    assert verbs(situation("success", **changes)) == expected


def test_a_failed_job_with_a_proof_has_all() -> None:
    assert verbs(situation("failed", proof=proof())) == ["resume", "retry-failed", "deliver"]


@pytest.mark.parametrize("state", ["queued", "running", "success", "failed"])
def test_an_accepted_dry_run_has_nothing_to_steer(state: str) -> None:
    now = situation(state)
    spec = now.found.spec
    assert spec is not None
    dry = spec.model_copy(update={"request": spec.request.model_copy(update={"dry_run": True})})
    assert verbs(situation(state, found=FoundJob(now.found.run, dry))) == []


def test_a_cancel_says_what_becomes_of_the_rows() -> None:
    now = situation()
    spec = now.found.spec
    assert spec is not None
    delivers = spec.model_copy(update={"request": spec.request.model_copy(update={"on_cancel": OnCancel.DELIVER})})
    texts = {possible(each)[-1].confirm for each in (now, situation(found=FoundJob(now.found.run, delivers)))}
    assert len(texts) == 2


@pytest.mark.parametrize(
    ("bounds", "most", "values"),
    [(None, 16, [2, 2]), (ReplicaBounds(min=3, max=7), 16, [3, 7]), (ReplicaBounds(min=3, max=7), 2, [2, 2])],
)
def test_the_values_of_the_dialog_are_those_in_force(
    bounds: ReplicaBounds | None, most: int, values: list[int]
) -> None:
    found = possible(situation(control=Control(replicas=bounds), most_replicas=most))
    fields = json.loads(next(button for button in found if button.verb == "scale").fields_json)
    assert [field["value"] for field in fields[:2]] == values
    assert {field["max"] for field in fields[:2]} == {most}


def test_only_buttons_with_their_right_are_left() -> None:
    button, other = Button("a", "a", "", Right.START), Button("b", "b", "", Right.EDIT_RUN)
    assert allowed((button, other), {Right.START}) == (button,)
