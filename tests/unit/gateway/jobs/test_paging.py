"""Pages hold every job once, while others are started."""

from __future__ import annotations

import asyncio
from typing import Any

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_heartbeat, put_job, put_run
from llmbatch.gateway.jobs.answers import JobPage
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import find_job
from llmbatch.gateway.jobs.paging import page_of_jobs
from llmbatch.gateway.jobs.states import JobState

TOKEN = "Bearer viewer-vic"


def _page(gateway: FakeGateway, limit: int, after: str | None = None, **given: Any) -> JobPage:
    documents = JobDocuments(BASE, gateway.store, gateway.clock)

    async def page() -> JobPage:
        start = None if after is None else await find_job(after, TOKEN, gateway.airflow, documents)
        return await page_of_jobs(
            TOKEN, gateway.airflow, documents, gateway.clock.now(), limit=limit, after=start, **given
        )

    return asyncio.run(page())


def test_every_job_is_on_one_page_while_others_are_started() -> None:
    gateway = fake_gateway()
    ids = [put_run(gateway, f"r{number}") for number in range(250)]
    seen, after, more = [], None, True
    while more:
        page = _page(gateway, 100, after)
        seen += [entry.job_id for entry in page.data]
        after, more = page.last_id, page.has_more
        put_run(gateway, f"new{len(seen)}")
    assert seen == ids[::-1]


def test_jobs_of_the_same_moment_are_neither_lost_nor_doubled() -> None:
    gateway = fake_gateway()
    ids = []
    for number in range(5):
        ids.append(put_run(gateway, f"r{number}"))
        gateway.clock.advance(-1)
    first = _page(gateway, 2)
    second = _page(gateway, 3, first.last_id)
    assert [entry.job_id for entry in (*first.data, *second.data)] == ids[::-1]
    assert (first.has_more, second.has_more) == (True, False)


def test_state_and_user_choose() -> None:
    gateway = fake_gateway()
    put_run(gateway, "a", "success", "ann")
    wanted = put_run(gateway, "b", "success", "bob")
    put_run(gateway, "c", "queued", "bob")
    page = _page(gateway, 10, state=JobState.SUCCEEDED, user="bob")
    assert ([entry.job_id for entry in page.data], page.has_more, page.last_id) == ([wanted], False, wanted)


def test_an_empty_page_has_no_last_id() -> None:
    assert _page(fake_gateway(), 10) == JobPage(data=(), has_more=False, last_id=None)


def test_only_jobs_that_run_or_failed_are_read_from_the_store() -> None:
    gateway = fake_gateway()
    for number in range(20):
        put_run(gateway, f"r{number}", "success")
    spec = put_job(gateway, "live")
    put_heartbeat(gateway, spec)
    read: list[str] = []
    get, aged = gateway.store.get, gateway.store.get_aged

    def noted(uri: str) -> str:
        read.append(uri)
        return uri

    gateway.store.get = lambda uri: get(noted(uri))  # type: ignore[method-assign]
    gateway.store.get_aged = lambda uri: aged(noted(uri))  # type: ignore[method-assign]
    page = _page(gateway, 20)
    assert set(read) == {spec.layout.spec, spec.layout.progress}
    assert (page.data[0].progress_pct, page.data[0].eta_hours, page.data[0].phase) == (50.0, 0.5, "work")
    assert gateway.airflow.reads == ["runs"]
