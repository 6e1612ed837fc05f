"""The parts of the page of all jobs, each made once for all readers of equal rights who ask for the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime

from llmbatch.core.alerts import Level
from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.metrics.exporter import Exporter
from llmbatch.gateway.pages.figures.figure import Figure, Figures
from llmbatch.gateway.pages.figures.spark import spark
from llmbatch.gateway.pages.figures.timeline import MOST_JOBS, Forecast, timeline
from llmbatch.gateway.pages.job_list.counts import counts_of
from llmbatch.gateway.pages.job_list.history import HistoryReader
from llmbatch.gateway.pages.job_list.open_job import OpenJob
from llmbatch.gateway.pages.job_list.open_jobs import OpenJobs, OpenJobsReader
from llmbatch.gateway.pages.job_list.query import JobQuery, Shown, SortKey
from llmbatch.gateway.pages.job_list.row_rates import StoredEstimates
from llmbatch.gateway.pages.pages import HEADERS, View, render
from llmbatch.gateway.wire.answer import Answer
from llmbatch.gateway.wire.shared import Shared

SHARED_SECONDS = 2.0
"""Time for which readers get the same answer; runs are read as often."""
NOW_SECONDS = 30
"""The line of now moves as often, so that a figure stays the same while no job reports."""
RECENT_RUNS = 100
"""Runs whose owners can be chosen."""

_MOST_ANSWERS = 200
_LATEST = datetime.max.replace(tzinfo=UTC)
_LEVELS = tuple(Level)


class JobList:
    """The table, the counts and the figures.

    Args:
        config: the price of a GPU hour, the capacity, the models.
        store: holds the jobs.
        documents: reader of jobs.
        airflow: which runs there are.
        exporter: has the state of the open jobs, and the report.
        clock: for times and ages.
    """

    def __init__(
        self,
        config: Config,
        store: ObjectStore,
        documents: JobDocuments,
        airflow: AirflowClient,
        exporter: Exporter,
        clock: Clock,
    ) -> None:
        self._config, self._airflow, self._exporter, self._clock = config, airflow, exporter, clock
        self._open = OpenJobsReader(config, documents, airflow, exporter, clock)
        self._history = HistoryReader(config, documents, airflow, clock)
        self._estimates = StoredEstimates(config.store.base_uri, store, clock)
        self._answers: Shared[Answer] = Shared(SHARED_SECONDS, _MOST_ANSWERS, clock)

    async def owners(self, caller: Caller) -> list[str]:
        """Return the owners of the newest runs by name, and the caller."""
        runs = await self._airflow.runs(caller.authorization, INFERENCE_DAG, limit=RECENT_RUNS)
        return sorted({run.triggering_user_name or "" for run in runs} - {""} | {caller.user})

    async def table(self, caller: Caller, view: View, query: JobQuery) -> Answer:
        """Return the open jobs and a page of those that are over, as HTML. All errors of reading pass."""

        async def make() -> Answer:
            found, past = await asyncio.gather(self._open.read(caller), self._history.read(caller, query))
            return await asyncio.to_thread(
                _html, "jobs_table.html", view, query=query, open=found, jobs=selected(found, query), past=past
            )

        return await self._shared(("table", query), caller, view, make)

    async def counts(self, caller: Caller, view: View) -> Answer:
        """Return the numbers on top as HTML. All errors of reading pass."""

        async def make() -> Answer:
            counts = counts_of(await self._open.read(caller), self._exporter.report(), self._clock.now())
            return _html("jobs_counts.html", view, counts=counts)

        return await self._shared(("counts", None), caller, view, make)

    async def figures(self, caller: Caller, view: View, query: JobQuery) -> Answer:
        """Return the timeline of the open jobs of a query, and the rates of those that run. All errors pass."""

        async def make() -> Answer:
            found = await self._open.read(caller)
            return await asyncio.to_thread(self._drawn, selected(found, query), found.at, view)

        return await self._shared(("figures", query), caller, view, make)

    async def _shared(
        self,
        what: tuple[str, JobQuery | None],
        caller: Caller,
        view: View,
        make: Callable[[], Coroutine[None, None, Answer]],
    ) -> Answer:
        return await self._answers.get((what, caller.authorization, view.root, view.zone.name), make)

    def _drawn(self, jobs: list[OpenJob], at: datetime, view: View) -> Answer:
        urgent = sorted(jobs, key=lambda job: (-_LEVELS.index(job.level), job.found.deadline, job.job_id))
        forecasts = [_forecast(job) for job in urgent[:MOST_JOBS]]
        now = at.replace(second=at.second // NOW_SECONDS * NOW_SECONDS, microsecond=0)
        drawn: dict[str, Figure | None] = {"timeline": timeline(forecasts, len(jobs) - len(forecasts), now, view.zone)}
        rows = {job.job_id: job.progress.rows.total for job in jobs if job.progress is not None and job.lives}
        for job_id, points in self._estimates.read(list(rows)).items():
            drawn[f"spark-{job_id}"] = spark(points, rows[job_id])
        return Answer(Figures(figures=drawn).model_dump_json().encode(), "application/json")


def selected(found: OpenJobs, query: JobQuery) -> list[OpenJob]:
    """Return the open jobs of a query in its order; among equals, the earliest deadline is first."""
    if not query.has_open:
        return []
    jobs = [job for job in found.jobs if _is_shown(job, query)]
    jobs.sort(key=lambda job: (job.found.deadline, job.job_id))
    return sorted(jobs, key=_ORDER[query.key], reverse=query.is_descending)


def _is_shown(job: OpenJob, query: JobQuery) -> bool:
    if query.state is Shown.AT_RISK and not job.is_at_risk:
        return False
    if query.state in (Shown.RUNNING, Shown.QUEUED) and job.is_running is not (query.state is Shown.RUNNING):
        return False
    return query.matches(owner=job.found.owner, model=job.model, texts=(job.job_id, job.run_id, job.input_uri))


def _start_of(job: OpenJob) -> datetime:
    return job.started_at or (job.place.start if job.place is not None else None) or _LATEST


_ORDER: dict[SortKey, Callable[[OpenJob], float | datetime]] = {
    SortKey.DEADLINE: lambda job: job.found.deadline,
    SortKey.START: _start_of,
    SortKey.PROGRESS: lambda job: job.status.progress_pct,
    SortKey.LEVEL: lambda job: _LEVELS.index(job.level),
}


def _forecast(job: OpenJob) -> Forecast:
    queued = job.place.end if job.place is not None else None
    return Forecast(job.run_id, job.found.deadline, job.level, job.level_words, job.finish, queued)


def _html(template: str, view: View, **values: object) -> Answer:
    body = render(template, view, **values).encode()
    return Answer(body, "text/html; charset=utf-8", HEADERS)
