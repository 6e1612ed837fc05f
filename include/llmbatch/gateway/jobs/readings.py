"""Readings of all jobs, which the requests of one process share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from llmbatch.core.clock import Clock
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.jobs.active import open_runs
from llmbatch.gateway.jobs.answers import CHANGE_WITH_TIME, JobPage
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.sla_status import MOST_JOBS, StatusReader
from llmbatch.gateway.wire.answer import Answer
from llmbatch.gateway.wire.etags import weak_etag
from llmbatch.gateway.wire.shared import Shared
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.report import FORMATS, read

STATUS_SECONDS = 2.0
"""Time after which the status of all jobs is read again; heartbeats are written as often."""
STATUS_USABLE_SECONDS = 5.0
"""Time for which requests get the old status while the new one is read."""
PAGE_SECONDS = 2.0
"""Time after which a page of jobs is read again; heartbeats are written as often."""
PAGE_USABLE_SECONDS = 5.0
"""Time for which requests get the old page while the new one is read."""
REPORT_SECONDS = 30.0
"""Time after which a report is made again; it is about jobs that are over."""
REPORT_USABLE_SECONDS = 60.0
"""Time for which requests get the old report while the new one is made: seconds, with 10,000 jobs."""
PERMISSION_SECONDS = 2.0
"""Time after which Airflow is asked again whether a caller may read the jobs."""
PERMISSION_USABLE_SECONDS = 5.0
"""Time for which its old answer holds while it is asked."""

_MOST_CALLERS = 1000
_MOST_REPORTS = 8
_MOST_PAGES = 200
_TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8"}
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class _Report:
    """A report without its jobs, which take much memory: its figures, and the answer in each format."""

    figures: Figures
    answers: Mapping[str, Answer]


class Readings:
    """The status of all jobs, and reports on them.

    Args:
        base_uri: ``s3://bucket/prefix`` that holds ``jobs/``.
        store: where that is.
        documents: reader of the jobs there.
        airflow: which runs there are, and who may read them.
        clock: for the age of readings.
    """

    def __init__(
        self, base_uri: str, store: ObjectStore, documents: JobDocuments, airflow: AirflowClient, clock: Clock
    ) -> None:
        self._base, self._store, self._airflow, self._clock = base_uri, store, airflow, clock
        self._statuses = StatusReader(documents, clock)
        self._allowed: Shared[bool] = Shared(
            PERMISSION_SECONDS, _MOST_CALLERS, clock, usable=PERMISSION_USABLE_SECONDS, is_per_caller=True
        )
        self._status: Shared[Answer] = Shared(STATUS_SECONDS, 1, clock, usable=STATUS_USABLE_SECONDS)
        self._pages: Shared[Answer] = Shared(PAGE_SECONDS, _MOST_PAGES, clock, usable=PAGE_USABLE_SECONDS)
        self._reports: Shared[_Report] = Shared(REPORT_SECONDS, _MOST_REPORTS, clock, usable=REPORT_USABLE_SECONDS)
        self._one_report = ThreadPoolExecutor(1, thread_name_prefix="sla-report")

    async def require_read(self, authorization: str) -> None:
        """Make sure that the caller may read the jobs. Raises ``Failure`` 403."""
        await self._allowed.get(authorization, lambda: self._may_read(authorization))

    async def status(self, authorization: str) -> Answer:
        """Return ``SlaStatus`` of all jobs that are not over, at most ``STATUS_USABLE_SECONDS`` old.

        Raises:
            Failure: 403 if the caller may not read the jobs.
            StoreError: the store failed.
        """
        await self.require_read(authorization)
        return await self._status.get("status", lambda: self._read_status(authorization))

    async def page(self, key: Hashable, read: Callable[[], Coroutine[None, None, JobPage]]) -> Answer:
        """Return a page of jobs that is at most ``PAGE_USABLE_SECONDS`` old. Errors of ``read`` pass.

        It is not older than the last change that this process made in Airflow.

        Args:
            key: the caller's credentials and the whole query.
            read: reads the page.
        """

        async def answer() -> Answer:
            page = await read()
            etag = weak_etag(page, without=CHANGE_WITH_TIME)
            return Answer(page.model_dump_json().encode(), "application/json", weak=etag)

        return await self._pages.get((self._airflow.changes, key), answer)

    async def report(self, authorization: str, *, format: str, most: int) -> Answer:
        """Return the report on the newest ``most`` jobs in one of ``FORMATS``, at most ``REPORT_USABLE_SECONDS`` old.

        One report is made at a time, and all formats and ``figures`` are of the same one.

        Raises:
            Failure: 403 if the caller may not read the jobs.
            StoreError: the store failed.
        """
        return (await self._report(authorization, most)).answers[format]

    async def figures(self, authorization: str, *, most: int) -> Figures:
        """Return the figures of ``report``. Raises what ``report`` raises."""
        return (await self._report(authorization, most)).figures

    async def _report(self, authorization: str, most: int) -> _Report:
        await self.require_read(authorization)
        return await self._reports.get(most, lambda: self._make_report(most))

    async def _may_read(self, authorization: str) -> bool:
        await self._airflow.runs(authorization, INFERENCE_DAG, limit=1)
        return True

    async def _read_status(self, authorization: str) -> Answer:
        runs = await open_runs(self._airflow, authorization, INFERENCE_DAG, most=MOST_JOBS + 1)
        found = await asyncio.to_thread(self._statuses.read, runs)
        return Answer(found.model_dump_json().encode(), "application/json")

    async def _make_report(self, most: int) -> _Report:
        def made() -> _Report:
            found = read(self._base, self._store, self._clock, most=most)
            return _Report(found.figures, {format: _answer(format, found.text(format)) for format in FORMATS})

        return await asyncio.get_running_loop().run_in_executor(self._one_report, made)


def _answer(format: str, text: str) -> Answer:
    return Answer(text.encode(), _TYPES[format], _PAGE_HEADERS if format == "html" else {})
