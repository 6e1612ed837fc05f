from __future__ import annotations

import asyncio

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job, put_run
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.pages.job_list import history as module
from llmbatch.gateway.pages.job_list.history import PAGE_JOBS, SEARCH_SECONDS, History, HistoryReader
from llmbatch.gateway.pages.job_list.query import JobQuery, Shown
from llmbatch.gateway.wire.failures import Failure

CALLER = Caller("vic", "Bearer viewer-vic")


def reader_of(gateway: FakeGateway) -> HistoryReader:
    parts = gateway.parts
    return HistoryReader(parts.config, parts.documents, parts.airflow, parts.clock)


def read(gateway: FakeGateway, **query: object) -> History:
    return asyncio.run(reader_of(gateway).read(CALLER, JobQuery(**query)))  # type: ignore[arg-type]


def names(found: History) -> list[str]:
    return [row.entry.dag_run_id for row in found.rows]


def test_pages_have_each_job_once_the_newest_first() -> None:
    gateway = fake_gateway()
    made = [f"r{n}" for n in range(2 * PAGE_JOBS + 3)]
    for name in made:
        put_run(gateway, name, "success")
    put_run(gateway, "open", "running")
    seen: list[str] = []
    after: str | None = None
    while True:
        found = read(gateway, after=after)
        seen += names(found)
        after = found.older
        if after is None:
            break
        put_run(gateway, f"new-{after}", "success")
    assert seen == made[::-1]


def test_jobs_of_one_moment_are_on_one_page_only() -> None:
    gateway = fake_gateway()
    for n in range(PAGE_JOBS + 2):
        put_run(gateway, f"r{n}", "success")
        key = (INFERENCE_DAG, f"r{n}")
        run = gateway.airflow.dag_runs[key]
        gateway.airflow.dag_runs[key] = run.model_copy(update={"run_after": gateway.airflow.dag_runs[INFERENCE_DAG, "r0"].run_after})  # fmt: skip  # noqa: E501
    first = read(gateway)
    assert names(read(gateway, after=first.older)) == ["r1", "r0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": Shown.SUCCEEDED}, ["c", "a"]),
        ({"state": Shown.FAILED}, ["b"]),
        ({"state": Shown.RUNNING}, []),
        ({"owner": "bob"}, ["b"]),
        ({"model": "small"}, ["b", "a"]),
        ({"model": "big"}, ["c"]),
        ({"text": "IN.JSONL"}, ["c", "b", "a"]),
        ({"text": "c"}, ["c"]),
        ({"owner": "bob", "text": "nothing"}, []),
    ],
)
def test_filters(query: dict[str, object], expected: list[str]) -> None:
    gateway = fake_gateway()
    put_run(gateway, "a", "success", input_uri="s3://x/in.jsonl")
    put_run(gateway, "b", "failed", "bob", input_uri="s3://x/in.jsonl")
    put_run(gateway, "c", "success", model="big", input_uri="s3://x/in.jsonl")
    put_run(gateway, "dry", "success", dry_run=True)
    put_run(gateway, "now", "running")
    if query.get("text") == "c":
        for n in "ab":  # the ids of other jobs may have the letter
            gateway.airflow.dag_runs.pop((INFERENCE_DAG, n))
    assert names(read(gateway, **query)) == expected


def test_a_search_says_how_far_it_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_READ", 100)
    gateway = fake_gateway()
    for n in range(150):
        put_run(gateway, f"r{n}", "success", model="old" if n == 20 else "new")
    found = read(gateway, model="old")
    assert (names(found), found.read, found.is_cut, found.older) == ([], 100, True, "r50")
    assert found.until == gateway.airflow.dag_runs[INFERENCE_DAG, "r50"].run_after
    found = read(gateway, model="old", after=found.older)
    assert (names(found), found.is_cut, found.older) == (["r20"], False, None)


def test_a_search_is_shared_for_longer_than_a_page() -> None:
    gateway = fake_gateway()
    put_run(gateway, "a", "success")
    reader = reader_of(gateway)

    def reads(**query: str) -> int:
        gateway.airflow.reads.clear()
        asyncio.run(reader.read(CALLER, JobQuery(**query)))  # type: ignore[arg-type]
        return len(gateway.airflow.reads)

    assert [reads(), reads(), reads(text="a"), reads(text="a")] == [1, 0, 1, 0]
    gateway.clock.advance(SEARCH_SECONDS - 1)
    assert [reads(), reads(text="a")] == [1, 0]


def test_open_jobs_cost_no_call_where_only_they_are_asked_for() -> None:
    gateway = fake_gateway()
    put_run(gateway, "a", "success")
    gateway.airflow.reads.clear()
    assert read(gateway, state=Shown.OPEN) == History()
    assert gateway.airflow.reads == []


def test_a_page_after_an_unknown_run_is_an_error() -> None:
    with pytest.raises(Failure) as caught:
        read(fake_gateway(), after="gone")
    assert caught.value.status == 404


def test_how_jobs_ended() -> None:
    gateway = fake_gateway()
    put_run(gateway, "met", "success", sla_hours=24)
    put_run(gateway, "late", "success", sla_hours=0.5)
    put_run(gateway, "refused", "failed")
    put_job(gateway, "failed", "failed")
    found = {row.entry.dag_run_id: row for row in read(gateway).rows}
    outcomes = {name: (row.outcome, row.colour) for name, row in found.items()}
    assert outcomes == {
        "met": ("Met", "met"),
        "late": ("Late", "violated"),
        "refused": ("Refused", "red"),
        "failed": ("Failed", "red"),
    }


def test_how_long_a_job_took() -> None:
    gateway = fake_gateway()
    put_run(gateway, "a", "success")
    assert read(gateway).rows[0].seconds is None
    key = (INFERENCE_DAG, "a")
    run = gateway.airflow.dag_runs[key]
    gateway.airflow.dag_runs[key] = run.model_copy(update={"start_date": run.run_after})
    assert read(gateway).rows[0].seconds == 3600
