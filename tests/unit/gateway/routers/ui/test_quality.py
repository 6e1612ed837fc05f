from __future__ import annotations

import pytest
from httpx import Response

from fakes.gateway import FakeGateway, fake_gateway
from fakes.plotly_figures import valid
from fakes.reported_jobs import reported_jobs
from fakes.sla_figures import EVIL, report, violation
from llmbatch.core.errors import StoreError
from llmbatch.gateway.jobs.readings import REPORT_USABLE_SECONDS, Readings
from llmbatch.gateway.pages.figures.figure import Figure
from llmbatch.gateway.pages.quality import CHOICES, MOST_VIOLATIONS
from llmbatch.orchestrator.sla_report.figures import Figures

PARTS = ("state", "violations", "figures")


@pytest.fixture
def gateway() -> FakeGateway:
    found = fake_gateway()
    found.store.objects.update(reported_jobs().objects)
    return found


def get(gateway: FakeGateway, path: str = "", *, etag: str = "", role: str = "viewer") -> Response:
    headers = {**gateway.as_user("ann", role), **({"If-None-Match": etag} if etag else {})}
    return gateway.client.get(f"/ui/quality{path}", headers=headers)


def answer_with(monkeypatch: pytest.MonkeyPatch, found: Figures) -> None:
    async def figures(*_: object, **__: object) -> Figures:
        return found

    monkeypatch.setattr(Readings, "figures", figures)


def test_the_page_names_its_parts_and_reads_nothing_for_itself(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Readings, "figures", None)
    page = get(gateway, "?jobs=50")
    assert page.status_code == 200
    for part in PARTS:
        assert f'"/ui/quality/{part}?jobs=50"' in page.text
    assert 'href="/ui/quality?jobs=50" aria-current="true"' in page.text
    assert [f"?jobs={count}" in page.text for count in CHOICES] == [True, True, True]


def test_every_drawing_has_its_figure(gateway: FakeGateway) -> None:
    found = get(gateway, "/figures").json()["figures"]
    page = get(gateway).text
    assert {name for name in found if f'data-figure="{name}"' in page} == set(found)
    for figure in found.values():
        valid(Figure.model_validate(figure))


def test_the_numbers_are_those_of_the_report(gateway: FakeGateway) -> None:
    text = get(gateway, "/state").text
    assert "40.0 %" not in text
    assert "60.0 %" in text
    assert "3 of 5 jobs; 2 missed." in text


def test_numbers_of_few_jobs_are_not_judged(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "from 10 finished jobs on" in get(gateway, "/state").text
    answer_with(monkeypatch, report(jobs=10))
    text = get(gateway, "/state").text
    assert "from 10 finished jobs on" not in text
    assert "misses the goal" in text
    assert "4 of these 10 jobs are scored" in text


def test_a_missed_deadline_links_to_its_job(gateway: FakeGateway) -> None:
    text = get(gateway, "/violations").text
    assert 'href="/ui/jobs/job-0000000000000002"' in text
    assert text.count("not announced") == 1
    assert "No job is left out." in text
    assert 'href="/sla/report?format=csv&amp;jobs=200" download="sla-report.csv"' in text


def test_times_are_those_of_the_reader(gateway: FakeGateway) -> None:
    assert "CET" in get(gateway, "/violations?tz=Europe/Berlin").text
    assert "UTC" in get(gateway, "/violations").text


def test_what_is_left_out_is_said(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, report(left_out=9950))
    assert "Left out: 9\u202f950 older jobs; choose more jobs above." in get(gateway, "/violations?jobs=50").text
    assert "choose more" not in get(gateway, "/violations?jobs=1000").text


def test_many_missed_deadlines_are_bounded(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, report(violations=tuple(violation(n) for n in range(1000))))
    text = get(gateway, "/violations?jobs=1000").text
    assert text.count("<tr>") == MOST_VIOLATIONS + 1
    assert "The newest 50 of 1\u202f000" in text


def test_without_a_finished_job_the_page_says_what_to_do() -> None:
    gateway = fake_gateway()
    assert '<a href="/ui/start">start a job</a>' in get(gateway, "/state").text
    assert get(gateway, "/violations").text.strip() == ""
    assert set(get(gateway, "/figures").json()["figures"].values()) == {None}


def test_text_from_outside_is_text(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = violation(job_id=EVIL + "x" * 1_000_000, model=EVIL + "y" * 1_000_000)
    answer_with(monkeypatch, report(violations=(evil,)))
    found = get(gateway, "/violations")
    assert "<img" not in found.text
    assert "\x1b" not in found.text
    assert "\u202e" not in found.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in found.text
    assert len(found.content) < 20_000


@pytest.mark.parametrize("part", PARTS)
def test_a_poll_gets_304_while_no_job_finishes(gateway: FakeGateway, part: str) -> None:
    etag = get(gateway, f"/{part}").headers["etag"]
    gateway.clock.advance(REPORT_USABLE_SECONDS + 1)
    again = get(gateway, f"/{part}", etag=etag)
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("part", PARTS)
def test_a_finished_job_changes_each_part(part: str) -> None:
    gateway = fake_gateway()
    etag = get(gateway, f"/{part}").headers["etag"]
    gateway.store.objects.update(reported_jobs().objects)
    gateway.clock.advance(REPORT_USABLE_SECONDS)
    assert get(gateway, f"/{part}", etag=etag).status_code == 200


@pytest.mark.parametrize("path", ["", *(f"/{part}" for part in PARTS)])
def test_who_may_not_read_the_jobs_sees_nothing(gateway: FakeGateway, path: str) -> None:
    assert get(gateway, path, role="nobody").status_code == 401
    assert gateway.client.get(f"/ui/quality{path}").status_code == 401


@pytest.mark.parametrize("query", ["jobs=0", "jobs=49", "jobs=100000", "jobs=x"])
@pytest.mark.parametrize("path", ["", *(f"/{part}" for part in PARTS)])
def test_other_numbers_of_jobs_are_refused(gateway: FakeGateway, path: str, query: str) -> None:
    assert get(gateway, f"{path}?{query}").status_code == 400


def test_a_store_that_fails_is_a_clear_word(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr("llmbatch.gateway.jobs.readings.read", fail)
    for part in PARTS:
        assert get(gateway, f"/{part}").status_code == 503
