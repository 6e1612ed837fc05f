"""What is asked of Airflow about a caller, and how long it is remembered."""

from __future__ import annotations

import asyncio

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.pages.job.rights import KNOWN_SECONDS, Right, Rights
from llmbatch.gateway.wire.failures import Failure, unavailable


def rights(gateway: FakeGateway, role: str) -> frozenset[Right]:
    run = next(iter(gateway.airflow.dag_runs.values()))
    return asyncio.run(Rights(gateway.airflow, gateway.clock).of(f"Bearer {role}-ann", run, Right))


@pytest.mark.parametrize(
    ("role", "has"),
    [("viewer", set()), ("user", {Right.START, Right.DELIVER}), ("op", set(Right)), ("admin", set(Right))],
)
def test_the_rights_of_a_role(role: str, has: set[Right]) -> None:
    gateway = fake_gateway()
    put_job(gateway, "r")
    assert rights(gateway, role) == has


def test_a_run_that_airflow_has_no_more_gives_no_right_to_it() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    run = gateway.airflow.dag_runs.pop((INFERENCE_DAG, spec.run_id))
    found = asyncio.run(Rights(gateway.airflow, gateway.clock).of("Bearer op-ann", run, Right))
    assert found == {Right.START, Right.DELIVER}


def test_an_answer_is_remembered_for_seconds_and_for_its_caller_alone() -> None:
    gateway = fake_gateway()
    put_job(gateway, "r")
    run = next(iter(gateway.airflow.dag_runs.values()))
    asked = Rights(gateway.airflow, gateway.clock)
    for seconds, reads in ((0, 1), (KNOWN_SECONDS - 1, 1), (2, 2)):
        gateway.clock.advance(seconds)
        assert asyncio.run(asked.of("Bearer op-ann", run, [Right.EDIT_RUN])) == {Right.EDIT_RUN}
        assert gateway.airflow.reads.count("run") == reads
    assert asyncio.run(asked.of("Bearer viewer-ann", run, [Right.EDIT_RUN])) == set()


def test_what_airflow_does_not_answer_is_no_right_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    put_job(gateway, "r")
    run = next(iter(gateway.airflow.dag_runs.values()))
    asked = Rights(gateway.airflow, gateway.clock)

    async def fails(*_: str) -> None:
        raise unavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.airflow, "require_start", fails)
        assert asyncio.run(asked.of("Bearer op-ann", run, [Right.START])) == set()
    assert asyncio.run(asked.of("Bearer op-ann", run, [Right.START])) == {Right.START}


def test_to_continue_a_run_two_rights_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    put_job(gateway, "r")
    run = next(iter(gateway.airflow.dag_runs.values()))

    async def refused(*_: str) -> None:
        raise Failure(403, "no")

    monkeypatch.setattr(gateway.airflow, "require_continue_run", refused)
    found = asyncio.run(Rights(gateway.airflow, gateway.clock).of("Bearer op-ann", run, Right))
    assert found == {Right.START, Right.DELIVER, Right.EDIT_RUN}
