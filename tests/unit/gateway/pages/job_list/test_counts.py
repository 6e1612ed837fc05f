from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta

import pytest

from fakes.exported_jobs import alert, full_beat
from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_job, put_run
from fakes.reported_jobs import figures, reported_jobs
from llmbatch.core.alerts import Level
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.pages.job_list.counts import counts_of
from llmbatch.gateway.pages.job_list.open_jobs import OpenJobs, OpenJobsReader
from llmbatch.orchestrator.sla_report.figures import Figures, Period

NOW = datetime.fromisoformat("2030-01-09T12:00:00+00:00")
"""A Wednesday."""


def period(begins: date, jobs: int, met: int, gpu_hours: float = 1.0) -> Period:
    return Period(
        begins=begins, jobs=jobs, met=met, rows=1, output_tokens=1, rows_per_second=None, tokens_per_second=None,
        gpu_hours=gpu_hours, usd=None,
    )  # fmt: skip


def report(left_out: int = 0, days: tuple[Period, ...] = (), weeks: tuple[Period, ...] = ()) -> Figures:
    return figures(reported_jobs()).model_copy(update={"left_out": left_out, "days": days, "weeks": weeks})


def test_open_jobs_are_counted() -> None:
    gateway = fake_gateway()
    put_run(gateway, "waits")
    full_beat(gateway, put_job(gateway, "works"))
    risky = put_job(gateway, "risky")
    full_beat(gateway, risky)
    alert(gateway, risky, Level.RED)
    parts = gateway.parts
    reader = OpenJobsReader(parts.config, parts.documents, parts.airflow, parts.exporter, parts.clock)
    counts = counts_of(asyncio.run(reader.read(Caller("vic", "Bearer viewer-vic"))), None, gateway.clock.now())
    assert (counts.running, counts.queued, counts.at_risk) == (2, 1, 1)


def test_before_the_first_report_nothing_is_known() -> None:
    counts = counts_of(OpenJobs(NOW), None, NOW)
    assert (counts.is_reported, counts.attainment_pct, counts.gpu_hours) == (False, None, None)


def test_this_week_and_today() -> None:
    weeks = (period(date(2029, 12, 31), 9, 9), period(date(2030, 1, 7), 8, 6))
    days = (period(date(2030, 1, 8), 1, 1), period(date(2030, 1, 9), 7, 5, 12.5))
    counts = counts_of(OpenJobs(NOW), report(0, days, weeks), NOW)
    assert (counts.attainment_pct, counts.gpu_hours) == (75, 12.5)
    assert (counts.is_week_whole, counts.is_today_whole) == (True, True)


def test_a_week_without_a_job_has_no_attainment_and_a_day_without_one_no_gpu_hours() -> None:
    old = period(date(2029, 12, 31), 9, 9)
    counts = counts_of(OpenJobs(NOW), report(0, (old,), (old,)), NOW)
    assert (counts.attainment_pct, counts.gpu_hours) == (None, 0)


@pytest.mark.parametrize(("left_out", "is_whole"), [(0, True), (1, False)])
def test_a_report_that_leaves_out_jobs_may_not_reach_back_to_monday(left_out: int, is_whole: bool) -> None:
    week, day = period(date(2030, 1, 7), 8, 6), period(date(2030, 1, 9), 8, 6)
    counts = counts_of(OpenJobs(NOW), report(left_out, (day,), (week,)), NOW)
    assert (counts.is_week_whole, counts.is_today_whole) == (is_whole, is_whole)


def test_days_are_those_of_the_report() -> None:
    day = period(date(2030, 1, 10), 1, 1, 2.0)
    assert counts_of(OpenJobs(NOW), report(0, (day,), ()), NOW + timedelta(hours=12)).gpu_hours == 2
