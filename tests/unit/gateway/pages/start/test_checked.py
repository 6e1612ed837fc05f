"""Verdicts for other deadlines, from the numbers of a dry run and the queue of now."""

from __future__ import annotations

import asyncio

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_checks import put_check
from fakes.gateway_jobs import put_job
from llmbatch.core.admission import AdmissionQueue, Feasibility, QueuedJob
from llmbatch.core.clock import later
from llmbatch.core.layout import queue_uri
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.pages.start.checked import QUEUE_USABLE_SECONDS, CheckedJobs
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.admission.admit import preview
from llmbatch.orchestrator.jobs.documents import read_spec

ANN = Caller("ann", "Bearer user-ann")


def _checked(gateway: FakeGateway) -> CheckedJobs:
    return CheckedJobs(gateway.config, gateway.store, gateway.parts.documents, gateway.clock)


def _queue_hours(gateway: FakeGateway, hours: float, deadline_hours: float) -> None:
    """Put a job into the queue that needs so long and is due then."""
    spec = put_job(gateway, "other")
    eta = EtaSeconds(p10=hours * 3600, p50=hours * 3600, p90=hours * 3600)
    deadline = later(gateway.clock.now(), deadline_hours * 3600)
    job = QueuedJob(job_id=spec.job_id, root_uri=spec.root_uri, deadline=deadline, replicas=1, eta=eta)
    body = AdmissionQueue(jobs=(job,)).model_dump_json().encode()
    gateway.store.put(queue_uri(gateway.config.store.base_uri), body)


def test_another_deadline_gets_another_verdict() -> None:
    gateway = fake_gateway()
    job_id = put_check(gateway).job_id

    async def verdicts() -> list[Feasibility]:
        checked = _checked(gateway)
        return [(await checked.verdict(job_id, ANN, hours, None)).verdict for hours in (3, 2, 0.5)]

    assert asyncio.run(verdicts()) == [Feasibility.ACCEPTED, Feasibility.AT_RISK, Feasibility.INFEASIBLE]


def test_it_is_the_decision_that_the_pipeline_would_make() -> None:
    gateway = fake_gateway()
    result = put_check(gateway)
    _queue_hours(gateway, 2, 4)
    found = asyncio.run(_checked(gateway).verdict(result.job_id, ANN, 6, None))
    spec = read_spec(gateway.parts.documents.layout(result.job_id).root, gateway.store)
    spec = spec.model_copy(update={"deadline": later(gateway.clock.now(), 6 * 3600)})
    assert found == preview(spec, result.size, gateway.config.engine.max_replicas, gateway.store, gateway.clock)
    assert found.jobs_before == 1


def test_the_priority_counts() -> None:
    gateway = fake_gateway()
    job_id = put_check(gateway).job_id
    _queue_hours(gateway, 1, 3)
    found = [asyncio.run(_checked(gateway).verdict(job_id, ANN, 6, priority)) for priority in (None, 9, -9)]
    assert [one.jobs_before for one in found] == [1, 0, 1]


def test_many_deadlines_cost_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    job_id = put_check(gateway).job_id
    _queue_hours(gateway, 1, 3)
    checked, reads = _checked(gateway), []
    for name in ("get", "get_aged", "head"):
        inner = getattr(MemoryStore, name)
        monkeypatch.setattr(MemoryStore, name, lambda self, uri, inner=inner: (reads.append(uri), inner(self, uri))[1])

    async def ask() -> None:
        await checked.verdict(job_id, ANN, 1, None)
        before = len(reads)
        for hours in range(2, 20):
            await checked.verdict(job_id, ANN, hours, None)
        assert (before > 0, len(reads)) == (True, before)
        gateway.clock.advance(QUEUE_USABLE_SECONDS + 1)
        await checked.verdict(job_id, ANN, 1, None)
        assert len(reads) > before

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("caller", "job", "status"),
    [(Caller("bob", "Bearer user-bob"), None, 403), (ANN, "job-0123456789abcdef", 404)],
)
def test_only_the_owner_of_a_result_may_ask(caller: Caller, job: str | None, status: int) -> None:
    gateway = fake_gateway()
    job_id = put_check(gateway).job_id
    with pytest.raises(Failure) as failure:
        asyncio.run(_checked(gateway).verdict(job or job_id, caller, 3, None))
    assert failure.value.status == status
    admin = Caller("ada", "Bearer admin-ada", is_admin=True)
    assert asyncio.run(_checked(gateway).verdict(job_id, admin, 3, None)).job_id == job_id


def test_a_job_without_a_result_has_no_verdict() -> None:
    gateway = fake_gateway()
    with pytest.raises(Failure, match="Check the form again"):
        asyncio.run(_checked(gateway).verdict(put_job(gateway, "r").job_id, ANN, 3, None))
    assert _checked(gateway).result("job-0123456789abcdef") is None
