"""Polls of many jobs cost Airflow no more than polls of one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_job
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.known_runs import KNOWN_SECONDS, USABLE_SECONDS, KnownRuns
from llmbatch.gateway.jobs.lookup import FoundJob, polled_job
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.wire.failures import Failure

ANN, VIC = "Bearer viewer-ann", "Bearer viewer-vic"


class Polls:
    """A client that polls, in one process."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway
        self.documents = JobDocuments(BASE, gateway.store, gateway.clock)
        self.known = KnownRuns(gateway.airflow, gateway.clock)

    def poll(self, *job_ids: str, token: str = ANN) -> list[FoundJob]:
        async def all_of_them() -> list[FoundJob]:
            airflow = self.gateway.airflow
            calls = (polled_job(job_id, token, airflow, self.documents, self.known) for job_id in job_ids)
            return list(await asyncio.gather(*calls))

        return asyncio.run(all_of_them())


def test_running_failed_and_finished_jobs_cost_two_calls_in_all() -> None:
    gateway = fake_gateway()
    running, failed, done = put_job(gateway, "a"), put_job(gateway, "b"), put_finished(gateway, "c")
    gateway.airflow.set_state(INFERENCE_DAG, "a", "running")
    gateway.airflow.set_state(INFERENCE_DAG, "b", "failed")
    polls = Polls(gateway)
    found = polls.poll(running.job_id, failed.job_id, done.job_id)
    assert [each.state for each in found] == [JobState.RUNNING, JobState.FAILED, JobState.SUCCEEDED]
    assert [each.spec for each in found] == [running, failed, done]
    polls.poll(running.job_id, done.job_id)
    assert gateway.airflow.reads == ["runs", "runs"]
    gateway.clock.advance(USABLE_SECONDS)
    polls.poll(running.job_id)
    assert gateway.airflow.reads == ["runs"] * 4


def test_a_change_is_seen_after_some_seconds() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "a")
    gateway.airflow.set_state(INFERENCE_DAG, "a", "running")
    polls = Polls(gateway)
    assert polls.poll(spec.job_id)[0].state is JobState.RUNNING
    gateway.airflow.set_state(INFERENCE_DAG, "a", "failed")
    gateway.clock.advance(USABLE_SECONDS)
    assert polls.poll(spec.job_id)[0].state is JobState.FAILED


def test_polls_do_not_wait_while_the_runs_are_read_again() -> None:
    async def main() -> None:
        gateway = fake_gateway()
        spec = put_job(gateway, "a")
        known = KnownRuns(gateway.airflow, gateway.clock)
        read, gate = gateway.airflow.runs, asyncio.Event()
        found = await known.find(ANN, spec.job_id)
        gateway.airflow.set_state(INFERENCE_DAG, "a", "failed")

        async def slow(*args: Any, **given: Any) -> tuple[DagRun, ...]:
            await gate.wait()
            return await read(*args, **given)

        gateway.airflow.runs = slow  # type: ignore[method-assign]
        gateway.clock.advance(KNOWN_SECONDS)
        async with asyncio.timeout(10):
            assert await known.find(ANN, spec.job_id) is found
            gate.set()
            while (now := await known.find(ANN, spec.job_id)) is found:
                await asyncio.sleep(0)
        assert now is not None
        assert now.state == "failed"

    asyncio.run(main())


def test_a_job_that_waits_is_looked_up_itself() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "a")
    gateway.airflow.set_state(INFERENCE_DAG, "a", "queued")
    assert Polls(gateway).poll(spec.job_id)[0].state is JobState.QUEUED
    assert gateway.airflow.reads == ["runs", "runs", "run"]


def test_what_one_user_may_read_is_not_shown_to_another() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway, "a")
    polls = Polls(gateway)
    polls.poll(spec.job_id)
    with pytest.raises(Failure) as refused:
        polls.poll(spec.job_id, token="Bearer stranger")
    assert refused.value.status == 401
    polls.poll(spec.job_id, token=VIC)
    assert gateway.airflow.reads.count("runs") == 4
