"""The plan of what to remove, as tables: folders in, removals out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.config_sections import RetentionConfig
from llmbatch.orchestrator.jobs.folders import Amount, JobFolder
from llmbatch.orchestrator.maintenance.retention import Part, plan

NOW = datetime(2030, 6, 1, tzinfo=UTC)
LIMITS = RetentionConfig(staged_days=7, jobs_days=90, dead_generations_days=5)
EVER = RetentionConfig(staged_days=None, jobs_days=None, dead_generations_days=None)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def finished(days: float, **other: object) -> JobFolder:
    folder = JobFolder(
        job_id="job-1",
        root="s3://b/jobs/job-1",
        touched_at=ago(days),
        finished_at=ago(days),
        is_accepted=True,
        total=Amount(9, 900),
        staged_shards=Amount(3, 300),
        leftovers=Amount(),
    )
    return replace(folder, **other)


def unfinished(days: float, **other: object) -> JobFolder:
    return finished(days, finished_at=None, **other)


DEAD = {"leftovers": Amount(2, 20)}
NO_SHARDS = {"staged_shards": Amount()}


@pytest.mark.parametrize(
    ("folder", "parts"),
    [
        (finished(0), []),
        (finished(6.99), []),
        (finished(7), [Part.STAGED]),
        (finished(7, **NO_SHARDS), []),
        (finished(7, **DEAD), [Part.STAGED, Part.LEFTOVERS]),
        (finished(5, **DEAD), [Part.LEFTOVERS]),
        (finished(4.99, **DEAD), []),
        (finished(89.99), [Part.STAGED]),
        (finished(90, **DEAD), [Part.FINISHED]),
        (finished(90, touched_at=ago(1)), [Part.FINISHED]),
        (unfinished(0), []),
        (unfinished(4.99, **DEAD), []),
        (unfinished(5, **DEAD), [Part.LEFTOVERS]),
        (unfinished(89.99), []),
        (unfinished(90, **DEAD), [Part.ABANDONED]),
        (unfinished(100, deadline=ago(95)), [Part.ABANDONED]),
        (unfinished(100, deadline=ago(89)), []),
        (unfinished(100, deadline=ago(-1)), []),
        (unfinished(4.99, is_accepted=False), []),
        (unfinished(5, is_accepted=False, **DEAD), [Part.REMAINS]),
    ],
)
def test_plan(folder: JobFolder, parts: list[Part]) -> None:
    assert [removal.part for removal in plan([folder], LIMITS, NOW)] == parts
    assert plan([folder], EVER, NOW) == []


def test_staged_input_may_go_at_once() -> None:
    limits = RetentionConfig(staged_days=0)
    assert [removal.part for removal in plan([finished(0), unfinished(0)], limits, NOW)] == [Part.STAGED]


@pytest.mark.parametrize(
    ("retrier", "parts"),
    [
        (unfinished(1, job_id="job-2", needs=frozenset({"job-1"})), [Part.LEFTOVERS]),
        (unfinished(1, job_id="job-2", needs=frozenset({"job-3"})), [Part.FINISHED]),
        (finished(1, job_id="job-2", needs=frozenset({"job-1"})), [Part.FINISHED]),
        (unfinished(90, job_id="job-2", needs=frozenset({"job-1"})), [Part.LEFTOVERS, Part.ABANDONED]),
    ],
)
def test_a_job_that_another_one_retries_is_kept(retrier: JobFolder, parts: list[Part]) -> None:
    found = plan(iter([finished(100, **DEAD), retrier]), LIMITS, NOW)
    assert [removal.part for removal in found] == parts


def test_a_removal_says_why_and_how_much() -> None:
    (removal,) = plan([finished(10)], LIMITS, NOW)
    assert removal.line() == "job_id=job-1 part=staged objects=3 bytes=300 because='finished 10.0 days ago'"
    (removal,) = plan([unfinished(91)], LIMITS, NOW)
    assert removal.line() == "job_id=job-1 part=abandoned objects=9 bytes=900 because='last sign of life 91.0 days ago'"
