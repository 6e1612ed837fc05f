from __future__ import annotations

import asyncio
import json
import re
import time
from datetime import timedelta

import plotly.graph_objects
import pytest

from fakes.exported_jobs import alert, full_beat, queue_up
from fakes.finished_jobs import NOW, trace_of
from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job, put_run
from fakes.reported_jobs import reported_jobs
from llmbatch.core.alerts import Level
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import RowCounts
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.metrics.exporter import COLLECT_SECONDS
from llmbatch.gateway.pages.figures.figure import Figures
from llmbatch.gateway.pages.job_list.job_list import SHARED_SECONDS, selected
from llmbatch.gateway.pages.job_list.query import JobQuery, Shown
from llmbatch.gateway.pages.pages import View
from llmbatch.gateway.pages.zone import Zone

CALLER = Caller("vic", "Bearer viewer-vic")
VIEW = View("/llmbatch", "", "vic")
EVIL = '<img src=x onerror=alert(1)>\x1b[31m\u202e"' + "'" + "z" * 1_000_000


def table(gateway: FakeGateway, **query: object) -> str:
    found = asyncio.run(gateway.parts.job_list.table(CALLER, VIEW, JobQuery(**query)))  # type: ignore[arg-type]
    return found.body.decode()


def figures(gateway: FakeGateway, view: View = VIEW, **query: object) -> Figures:
    found = asyncio.run(gateway.parts.job_list.figures(CALLER, view, JobQuery(**query)))  # type: ignore[arg-type]
    return Figures.model_validate_json(found.body)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def works(gateway: FakeGateway, name: str, *, minutes: float = 120, done: int = 30, started: float = 0) -> JobSpec:
    now = gateway.clock.now()
    spec = put_job(gateway, name, deadline=now + timedelta(minutes=minutes))
    full_beat(gateway, spec, rows=RowCounts(total=100, succeeded=done), started_at=now + timedelta(minutes=started))
    return spec


def order(gateway: FakeGateway, sort: str) -> list[str]:
    async def read() -> list[str]:
        found = await gateway.parts.job_list._open.read(CALLER)
        return [job.run_id for job in selected(found, JobQuery(sort=sort))]

    return asyncio.run(read())


def test_a_row_has_what_people_ask_for() -> None:
    gateway = fake_gateway(cost={"usd_per_gpu_hour": 2.0})
    spec = put_job(gateway, "nightly", owner="bob")
    waits = put_run(gateway, "next", "queued")
    full_beat(gateway, spec)
    gateway.store.put(spec.layout.trace(1), trace_of(spec).model_dump_json().encode())
    alert(gateway, spec, Level.YELLOW)
    queue_up(gateway, spec)
    html = table(gateway)
    text = text_of(html)
    for part in (
        "nightly", "small", "bob", "Yellow", "work", "40.0 %", "40 of 100 rows", "5 failed", "in 2 h", "in 30 min",
        "20 min to 1 h", "1.5 rows/s", "25 tokens/s", "$",
    ):  # fmt: skip
        assert part in text, part
    assert f'href="/llmbatch/ui/jobs/{spec.job_id}"' in html
    assert f'data-figure="spark-{spec.job_id}"' in html
    assert "No. 1 in the queue" in text
    assert re.search(rf'after <a href="/llmbatch/ui/jobs/{spec.job_id}">nightly</a>', html)
    assert waits in html


def test_orders() -> None:
    gateway = fake_gateway()
    works(gateway, "a", minutes=120, done=30, started=-60)
    late = works(gateway, "b", minutes=90, done=10, started=-30)
    alert(gateway, late, Level.RED)
    works(gateway, "c", minutes=100, done=80, started=-90)
    put_run(gateway, "waits", sla_hours=1)
    orders = {sort: order(gateway, sort) for sort in ("level", "deadline", "progress", "start")}
    assert orders == {
        "level": ["waits", "c", "a", "b"],
        "deadline": ["waits", "b", "c", "a"],
        "progress": ["waits", "b", "a", "c"],
        "start": ["c", "a", "b", "waits"],
    }
    assert order(gateway, "-level") == ["b", "waits", "c", "a"]
    assert order(gateway, "-progress") == ["c", "a", "b", "waits"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": Shown.RUNNING}, {"runs", "risky"}),
        ({"state": Shown.QUEUED}, {"waits"}),
        ({"state": Shown.OPEN}, {"runs", "risky", "waits"}),
        ({"state": Shown.AT_RISK}, {"risky"}),
        ({"state": Shown.SUCCEEDED}, {"over"}),
        ({"owner": "bob"}, {"waits"}),
        ({"model": "big"}, {"waits"}),
        ({"text": "RISK"}, {"risky"}),
        ({}, {"runs", "risky", "waits", "over"}),
    ],
)
def test_filters(query: dict[str, object], expected: set[str]) -> None:
    gateway = fake_gateway()
    works(gateway, "runs")
    alert(gateway, works(gateway, "risky"), Level.RED)
    put_run(gateway, "waits", owner="bob", model="big")
    put_run(gateway, "over", "success")
    names = set(re.findall(r'<th scope="row" class="job"><a [^>]*>([^<]*)</a>', table(gateway, **query)))
    assert names == expected


def test_columns_say_how_they_are_sorted_and_what_a_click_does() -> None:
    gateway = fake_gateway()
    works(gateway, "a")
    html = table(gateway, sort="deadline")
    assert re.search(r'aria-sort="ascending"><button[^>]*data-set="sort" value="-deadline"', html)
    assert re.search(r'aria-sort="none"><button[^>]*data-set="sort" value=""', html)


def test_empty_states_say_what_to_do_next() -> None:
    gateway = fake_gateway()
    html = table(gateway)
    assert 'href="/llmbatch/ui/start"' in html
    assert "llmbatch submit" in html
    html = table(gateway, owner="bob")
    assert "No job matches these filters." in html
    assert 'href="/llmbatch/ui/jobs">Show all jobs' in html
    put_run(gateway, "over", "success")
    gateway.clock.advance(SHARED_SECONDS)
    assert "No job is running or queued." in table(gateway)


def test_older_jobs_are_a_link_away_and_keep_the_filters() -> None:
    gateway = fake_gateway()
    for n in range(30):
        put_run(gateway, f"r{n}", "success")
    html = table(gateway, owner="ann")
    assert 'href="/llmbatch/ui/jobs?owner=ann&amp;after=r5">Older' in html
    gateway.clock.advance(SHARED_SECONDS)
    html = table(gateway, owner="ann", after="r5")
    assert "Older" not in html
    assert 'href="/llmbatch/ui/jobs?owner=ann">Newest' in html


def test_open_jobs_are_there_on_every_page() -> None:
    gateway = fake_gateway()
    put_run(gateway, "over", "success")
    works(gateway, "runs")
    html = table(gateway, after="over")
    assert "runs" in html
    assert "There is no older job." in html


def test_hostile_texts_are_text() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "a", owner=EVIL, model_name=EVIL)
    full_beat(gateway, spec, eta=None, eta_reason=EVIL)
    key = next(iter(gateway.airflow.dag_runs))
    gateway.airflow.dag_runs[key] = gateway.airflow.dag_runs[key].model_copy(update={"triggering_user_name": EVIL})
    for number, state in enumerate(("queued", "success", "failed")):
        put_run(gateway, f"{EVIL}{number}", state, EVIL, model=EVIL, input_uri=EVIL)
    for html in (table(gateway), figures(gateway).model_dump_json()):
        assert "<img" not in html
        assert "\x1b" not in html
        assert "\\u001b" not in html
        assert "\u202e" not in html


def test_long_texts_are_cut() -> None:
    gateway = fake_gateway()
    full_beat(gateway, put_job(gateway, "a", owner="ann", model_name=EVIL), eta=None, eta_reason=EVIL)
    assert len(table(gateway)) < 20_000
    assert len(figures(gateway).model_dump_json()) < 20_000


def test_figures_are_the_timeline_and_a_line_of_each_running_job() -> None:
    gateway = fake_gateway()
    spec = works(gateway, "a")
    gateway.store.put(spec.layout.trace(1), trace_of(spec).model_dump_json().encode())
    new = works(gateway, "new")
    put_run(gateway, "waits")
    found = figures(gateway).figures
    assert set(found) == {"timeline", f"spark-{spec.job_id}", f"spark-{new.job_id}"}
    assert found[f"spark-{new.job_id}"] is None
    for figure in (found["timeline"], found[f"spark-{spec.job_id}"]):
        assert figure is not None
        plotly.graph_objects.Figure(data=list(figure.data), layout=figure.layout)


def test_the_timeline_has_the_most_urgent_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmbatch.gateway.pages.job_list.job_list.MOST_JOBS", 2)
    gateway = fake_gateway()
    works(gateway, "a", minutes=100)
    works(gateway, "b", minutes=90)
    alert(gateway, works(gateway, "c", minutes=200), Level.RED)
    figure = figures(gateway, sort="progress").figures["timeline"]
    assert figure is not None
    assert figure.layout["yaxis"]["ticktext"] == ["c", "b"]  # type: ignore[index,call-overload]
    assert "1 less urgent jobs are left out" in figure.summary


def test_figures_follow_the_filters() -> None:
    gateway = fake_gateway()
    works(gateway, "a")
    assert figures(gateway, owner="nobody").figures == {"timeline": None}


def test_figures_stay_the_same_until_something_happens() -> None:
    gateway = fake_gateway()
    gateway.clock.advance(5)
    works(gateway, "a")
    first = figures(gateway)
    gateway.clock.advance(3)
    assert figures(gateway) == first


def test_counts_link_to_what_they_count() -> None:
    gateway = fake_gateway()
    alert(gateway, works(gateway, "a"), Level.RED)
    html = asyncio.run(gateway.parts.job_list.counts(CALLER, VIEW)).body.decode()
    for state in ("running", "queued", "at_risk"):
        assert f'href="/llmbatch/ui/jobs?state={state}"' in html
    assert re.search(r'class="alarm"[^>]*><span class="value">1</span><span class="name">at risk', html)
    assert "the report is being made" in html


def test_the_counts_have_the_sums_of_the_report() -> None:
    gateway = fake_gateway()
    for uri, body in reported_jobs().objects.items():
        gateway.store.put(uri, body)
    gateway.clock.advance((NOW + timedelta(days=10) - gateway.clock.now()).total_seconds())
    limit = time.monotonic() + 20
    while True:
        text = text_of(asyncio.run(gateway.parts.job_list.counts(CALLER, VIEW)).body.decode())
        if "being made" not in text:
            break
        assert time.monotonic() < limit
        time.sleep(0.01)
        gateway.clock.advance(SHARED_SECONDS)
    assert "66.7 % deadlines met this week of 3 jobs" in text
    assert "0.0 GPU hours today of jobs that ended today, UTC" in text


def test_a_queued_job_that_is_predicted_to_be_late_says_so() -> None:
    gateway = fake_gateway()
    soon = put_job(gateway, "soon", "queued", deadline=gateway.clock.now() + timedelta(minutes=5))
    queue_up(gateway, soon, p50=60)
    assert "after the deadline" not in table(gateway)
    queue_up(gateway, soon, p50=90_000_000)
    gateway.clock.advance(COLLECT_SECONDS)
    assert "after the deadline" in table(gateway)


def test_an_answer_is_made_once_for_readers_of_equal_rights() -> None:
    gateway = fake_gateway()
    works(gateway, "a")
    shared = gateway.parts.job_list

    async def answers() -> None:
        first = await shared.table(CALLER, VIEW, JobQuery())
        assert await shared.table(CALLER, VIEW, JobQuery()) is first
        other_zone = View("/llmbatch", "", "vic", Zone("Asia/Tokyo"))
        for caller, view, query in (
            (Caller("vera", "Bearer viewer-vera"), VIEW, JobQuery()),
            (CALLER, other_zone, JobQuery()),
            (CALLER, VIEW, JobQuery(owner="ann")),
        ):
            assert await shared.table(caller, view, query) is not first

    asyncio.run(answers())


def test_owners_of_the_newest_runs_can_be_chosen() -> None:
    gateway = fake_gateway()
    for owner in ("bob", "ann", "bob", ""):
        put_run(gateway, f"r{len(gateway.airflow.dag_runs)}", "success", owner)
    assert asyncio.run(gateway.parts.job_list.owners(CALLER)) == ["ann", "bob", "vic"]


def test_no_prompt_is_shown() -> None:
    gateway = fake_gateway()
    works(gateway, "a")
    put_run(gateway, "b", "queued", prompt_template="Secret {text}")
    put_run(gateway, "c", "success", prompt_template="Secret {text}")
    assert "Secret" not in table(gateway) + json.dumps(figures(gateway).model_dump(mode="json"))
