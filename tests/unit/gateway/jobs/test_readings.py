from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.open_jobs import run_of, running_job
from fakes.reported_jobs import reported_jobs
from llmbatch.core.clock import Clock
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.jobs import readings as module
from llmbatch.gateway.jobs.answers import JobPage
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.readings import REPORT_USABLE_SECONDS, STATUS_USABLE_SECONDS, Readings
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.report import Report, read

TOKEN = "Bearer viewer-ann"


def readings(gateway: FakeGateway) -> Readings:
    base = gateway.config.store.base_uri
    documents = JobDocuments(base, gateway.store, gateway.clock)
    return Readings(base, gateway.store, documents, gateway.airflow, gateway.clock)


def test_the_status_is_one_reading_for_all_requests_of_a_while() -> None:
    async def main() -> None:
        gateway = fake_gateway()
        running_job(gateway, "a")
        shared = readings(gateway)
        first, second = await asyncio.gather(shared.status(TOKEN), shared.status("Bearer viewer-bob"))
        assert first is second
        running_job(gateway, "b")
        assert await shared.status(TOKEN) is first
        gateway.clock.advance(STATUS_USABLE_SECONDS)
        assert len(json.loads((await shared.status(TOKEN)).body)["jobs"]) == 2

    asyncio.run(main())


def test_a_page_is_served_while_the_next_one_is_read() -> None:
    async def main() -> None:
        gateway = fake_gateway()
        shared, gate, reads = readings(gateway), asyncio.Event(), 0

        async def page() -> JobPage:
            nonlocal reads
            reads += 1
            if reads > 1:
                await gate.wait()
            return JobPage(data=(), has_more=reads > 1, last_id=None)

        first = await shared.page("key", page)
        gateway.clock.advance(module.PAGE_SECONDS)
        async with asyncio.timeout(10):
            assert await shared.page("key", page) is first
            gate.set()
            while (found := await shared.page("key", page)) is first:
                await asyncio.sleep(0)
        assert (json.loads(found.body)["has_more"], reads) == (True, 2)

    asyncio.run(main())


def test_running_jobs_come_before_waiting_ones_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(module, "MOST_JOBS", 150)
        monkeypatch.setattr("llmbatch.gateway.jobs.sla_status.MOST_JOBS", 150)
        gateway = fake_gateway()
        job = running_job(gateway, "first")
        for n in range(200):
            run_of(gateway, f"w{n}", "queued")
        found = json.loads((await readings(gateway).status(TOKEN)).body)
        assert job.job_id in {each["job_id"] for each in found["jobs"]}
        assert (len(found["jobs"]), found["truncated"]) == (150, True)

    asyncio.run(main())


def test_each_caller_needs_the_permission_also_for_what_another_one_has_read() -> None:
    async def main() -> None:
        gateway = fake_gateway()
        shared = readings(gateway)
        await shared.status(TOKEN)
        await shared.report(TOKEN, format="json", most=10)
        calls = (
            shared.status("Bearer x"),
            shared.report("Bearer x", format="json", most=10),
            shared.figures("Bearer x", most=10),
        )
        for call in calls:
            with pytest.raises(Failure) as refused:
                await call
            assert refused.value.status == 401

    asyncio.run(main())


def test_a_withdrawn_permission_ends_within_seconds() -> None:
    async def main() -> None:
        gateway = fake_gateway()
        shared = readings(gateway)
        await shared.status(TOKEN)

        async def refuse(*_: object, **__: object) -> tuple[object, ...]:
            raise Failure(403, "no")

        gateway.airflow.runs = refuse  # type: ignore[assignment, method-assign]
        await shared.status(TOKEN)
        gateway.clock.advance(module.PERMISSION_SECONDS)
        await shared.status(TOKEN)  # does not wait for Airflow, which is asked now
        for _ in range(3):
            await asyncio.sleep(0)
        with pytest.raises(Failure):
            await shared.status(TOKEN)

    asyncio.run(main())


def test_one_report_is_made_at_a_time_and_used_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    lock = threading.Lock()

    def slow(base_uri: str, store: ObjectStore, clock: Clock, *, most: int) -> Report:
        assert lock.acquire(blocking=False)
        time.sleep(0.01)
        made.append(most)
        lock.release()
        return read(base_uri, store, clock, most=most)

    async def main() -> None:
        monkeypatch.setattr(module, "read", slow)
        gateway = fake_gateway()
        shared = readings(gateway)
        await asyncio.gather(*(shared.report(TOKEN, format="csv", most=most) for most in (1, 1, 2, 3)))
        await shared.report(TOKEN, format="csv", most=1)
        assert sorted(made) == [1, 2, 3]
        gateway.clock.advance(REPORT_USABLE_SECONDS)
        await shared.report(TOKEN, format="csv", most=1)
        assert len(made) == 4

    asyncio.run(main())


def test_all_formats_and_the_figures_are_of_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(base_uri: str, store: ObjectStore, clock: Clock, *, most: int) -> Report:
        made.append(most)
        return read(base_uri, store, clock, most=most)

    async def main() -> None:
        monkeypatch.setattr(module, "read", counted)
        gateway = fake_gateway()
        gateway.store.objects.update(reported_jobs().objects)
        shared = readings(gateway)
        calls = [shared.report(TOKEN, format=format, most=2) for format in ("json", "csv", "html")]
        found = dict(zip(("json", "csv", "html"), await asyncio.gather(*calls), strict=True))
        figures = await shared.figures("Bearer viewer-bob", most=2)
        assert made == [2]
        assert Figures.model_validate_json(found["json"].body) == figures
        assert (figures.jobs, found["csv"].body.count(b"\n")) == (2, 3)
        assert found["html"].body.startswith(b"<!DOCTYPE html>")

    asyncio.run(main())
