"""A graceful shutdown and its resume; each step may fail, and the repeated call completes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from fakes.finished_jobs import finish
from fakes.gateway import FakeGateway, fake_gateway
from fakes.open_jobs import accepted_job, heartbeat, run_of, running_job
from llmbatch.core.control import Control
from llmbatch.core.errors import StoreError
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import DesiredState, Phase
from llmbatch.gateway.jobs.shutdown import Shutdown, ShutdownReport
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.steering.control import request_state
from llmbatch.orchestrator.steering.service import read_service

RUN, DRAIN, CANCEL = DesiredState.RUN, DesiredState.DRAIN, DesiredState.CANCEL


def shutdown(gateway: FakeGateway, role: str = "op") -> Shutdown:
    base = gateway.config.store.base_uri
    return Shutdown(base, gateway.store, gateway.airflow, gateway.clock, f"Bearer {role}-ann", "ann")


def begin(gateway: FakeGateway, reason: str = "new GPUs") -> ShutdownReport:
    return asyncio.run(shutdown(gateway).begin(reason))


def end(gateway: FakeGateway) -> ShutdownReport:
    return asyncio.run(shutdown(gateway).end())


def control(gateway: FakeGateway, spec: JobSpec) -> Control:
    body = gateway.store.objects.get(spec.layout.control, b"{}")
    return Control.model_validate_json(body)


def drained(gateway: FakeGateway, spec: JobSpec) -> None:
    """The Ray job has obeyed, and its run has failed."""
    heartbeat(gateway, spec, 300, Phase.DRAINED)
    gateway.airflow.set_state(INFERENCE_DAG, spec.run_id, "failed")


def continued(gateway: FakeGateway) -> list[str]:
    return [call[2] for call in gateway.airflow.calls if call[0] == "continue_run"]


def test_every_running_job_is_drained_and_the_report_says_what_remains() -> None:
    gateway = fake_gateway()
    first, second = running_job(gateway, "a", ended=250), accepted_job(gateway, "b")
    run_of(gateway, "accepting")
    run_of(gateway, "queued", "queued")
    report = begin(gateway)
    assert (report.admitting, report.reason, report.by, report.waiting) == (False, "new GPUs", "ann", 1)
    assert report.remaining == len(report.draining) == 2
    assert {job.job_id: (job.rows_remaining, job.phase, job.requested) for job in report.draining} == {
        first.job_id: (750, Phase.WORK, DRAIN),
        second.job_id: (None, Phase.QUEUED, DRAIN),
    }
    assert set(report.drained) == {first.job_id, second.job_id}
    assert control(gateway, first).reason == "the service shuts down: new GPUs"
    assert control(gateway, first).written_by == "ann"


def test_a_repeated_call_reports_what_still_remains_and_reaches_what_was_accepted_meanwhile() -> None:
    gateway = fake_gateway()
    first = running_job(gateway, "a")
    begin(gateway)
    drained(gateway, first)
    late = running_job(gateway, "late")
    seen = asyncio.run(shutdown(gateway, "viewer").report())
    assert [(job.job_id, job.requested) for job in seen.draining] == [(late.job_id, RUN)]
    report = begin(gateway, "other")
    assert [(job.job_id, job.requested) for job in report.draining] == [(late.job_id, DRAIN)]
    assert (report.reason, set(report.drained)) == ("new GPUs", {first.job_id, late.job_id})
    drained(gateway, late)
    assert begin(gateway).remaining == 0


def test_a_resume_continues_drained_jobs_and_lets_the_others_run_on() -> None:
    gateway = fake_gateway()
    over, still = running_job(gateway, "over"), running_job(gateway, "still")
    begin(gateway)
    drained(gateway, over)
    gateway.clock.advance(10)
    report = end(gateway)
    assert (report.admitting, report.draining, report.drained) == (True, (), (still.job_id,))
    assert continued(gateway) == ["over"]
    assert [control(gateway, spec).desired for spec in (over, still)] == [RUN, RUN]
    gateway.clock.advance(2)
    heartbeat(gateway, still)
    assert end(gateway).drained == ()
    assert continued(gateway) == ["over"]


def test_a_job_that_stopped_while_it_was_let_run_is_continued_by_the_next_call() -> None:
    gateway = fake_gateway()
    spec = running_job(gateway, "a")
    begin(gateway)
    gateway.clock.advance(10)
    assert end(gateway).drained == (spec.job_id,)
    drained(gateway, spec)
    assert end(gateway).drained == ()
    assert continued(gateway) == ["a"]


def test_what_a_user_has_drained_or_cancelled_stays_so() -> None:
    gateway = fake_gateway()
    before, after = running_job(gateway, "before"), running_job(gateway, "after")

    def ask(spec: JobSpec, desired: DesiredState) -> None:
        request_state(spec.root_uri, desired, reason="mine", by="bob", store=gateway.store, clock=gateway.clock)

    ask(before, DRAIN)
    assert begin(gateway).drained == (after.job_id,)
    ask(after, CANCEL)
    for spec in (before, after):
        drained(gateway, spec)
    assert end(gateway).drained == ()
    assert continued(gateway) == []
    assert [control(gateway, spec).desired for spec in (before, after)] == [DRAIN, CANCEL]


def test_jobs_that_finished_failed_or_were_removed_meanwhile_are_left_alone() -> None:
    gateway = fake_gateway()
    specs = {name: running_job(gateway, name) for name in ("done", "failed", "removed", "no run")}
    begin(gateway)
    finish(gateway.store, specs["done"], seconds=60)
    heartbeat(gateway, specs["failed"], 300, Phase.FAILED)
    for name in ("done", "failed"):
        gateway.airflow.set_state(INFERENCE_DAG, name, "failed")
    gateway.store.delete(specs["removed"].layout.spec)
    del gateway.airflow.dag_runs[(INFERENCE_DAG, "no run")]
    assert end(gateway).drained == ()
    assert continued(gateway) == []


def test_a_second_shutdown_keeps_what_the_first_resume_has_not_continued() -> None:
    gateway = fake_gateway()
    first = running_job(gateway, "a")
    begin(gateway)
    gateway.clock.advance(10)
    end(gateway)
    assert begin(gateway, "again").drained == (first.job_id,)
    assert control(gateway, first).shutdown
    drained(gateway, first)
    end(gateway)
    assert continued(gateway) == ["a"]


@pytest.mark.parametrize("call", [begin, end])
def test_only_who_may_edit_the_dag_may_do_it(call: Callable[[FakeGateway], ShutdownReport]) -> None:
    gateway = fake_gateway()
    running_job(gateway, "a")
    before = dict(gateway.store.objects)
    verb = Shutdown.begin if call is begin else Shutdown.end
    arguments = ("r",) if call is begin else ()
    with pytest.raises(Failure) as refused:
        asyncio.run(verb(shutdown(gateway, "user"), *arguments))  # type: ignore[arg-type]
    assert refused.value.status == 403
    assert gateway.store.objects == before


class Crash(Exception):
    """The process dies."""


def crash_at(gateway: FakeGateway, patch: pytest.MonkeyPatch, step: int) -> None:
    """Let the process die at the ``step``-th write to the store or change in Airflow, before or after it."""
    left = [step]

    def count(inner: Callable[..., object]) -> Callable[..., object]:
        def write(*arguments: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise Crash
            result = inner(*arguments)
            left[0] -= 1
            if left[0] == 0:
                raise Crash
            return result

        return write

    for name in ("create", "replace"):
        patch.setattr(gateway.store, name, count(getattr(gateway.store, name)))
    inner = gateway.airflow.continue_run

    async def continue_run(*arguments: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Crash
        await inner(*arguments)
        left[0] -= 1
        if left[0] == 0:
            raise Crash

    patch.setattr(gateway.airflow, "continue_run", continue_run)


def end_state(gateway: FakeGateway) -> object:
    controls = {
        uri: Control.model_validate_json(body).desired
        for uri, body in gateway.store.objects.items()
        if uri.endswith("control.json")
    }
    service = read_service(gateway.config.store.base_uri, gateway.store)
    runs = {run_id: run.state for (_, run_id), run in gateway.airflow.dag_runs.items()}
    return controls, service.admitting, set(service.drained), runs


def run_what_was_continued(gateway: FakeGateway) -> None:
    """The runs that were continued write heartbeats."""
    gateway.clock.advance(2)
    for (dag_id, run_id), run in gateway.airflow.dag_runs.items():
        if run.state == "queued":
            job_id = job_id_of(dag_id, run_id)
            layout = JobLayout.of(gateway.config.store.base_uri, job_id)
            heartbeat(gateway, read_spec(layout.root, gateway.store))


def crashes(make: Callable[[], FakeGateway], call: Callable[[Shutdown], Coroutine[None, None, ShutdownReport]]) -> int:
    """Compare every crash and repetition with an undisturbed call; return the number of crashes."""
    calm = make()
    asyncio.run(call(shutdown(calm)))
    step = 0
    while True:
        step += 1
        gateway = make()
        with pytest.MonkeyPatch.context() as patch:
            crash_at(gateway, patch, step)
            try:
                asyncio.run(call(shutdown(gateway)))
            except Crash:
                crashed = True
            else:
                crashed = False
        if not crashed:
            return step - 1
        asyncio.run(call(shutdown(gateway)))
        run_what_was_continued(gateway)
        asyncio.run(call(shutdown(gateway)))
        assert end_state(gateway) == end_state(calm), step
        assert sorted(continued(gateway)) == sorted(continued(calm)), step


def two_running() -> FakeGateway:
    gateway = fake_gateway()
    running_job(gateway, "a")
    running_job(gateway, "b")
    return gateway


def two_drained() -> FakeGateway:
    gateway = fake_gateway()
    specs = [running_job(gateway, "a"), running_job(gateway, "b")]
    begin(gateway)
    for spec in specs:
        drained(gateway, spec)
    return gateway


def test_a_shutdown_that_died_at_any_step_is_completed_by_the_next_call() -> None:
    assert crashes(two_running, lambda service: service.begin("r")) == 8


def test_a_resume_that_died_at_any_step_is_completed_by_the_next_call() -> None:
    assert crashes(two_drained, lambda service: service.end()) == 12


def test_a_store_that_fails_is_an_error_and_not_a_lost_job(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = two_running()

    def fail(*_: object) -> object:
        raise StoreError("down")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.store, "create", fail)
        with pytest.raises(StoreError):
            begin(gateway)
    assert begin(gateway).remaining == 2


def test_the_example_of_the_documentation_is_a_report() -> None:
    for example in ShutdownReport.model_json_schema()["examples"]:
        ShutdownReport.model_validate(example)
