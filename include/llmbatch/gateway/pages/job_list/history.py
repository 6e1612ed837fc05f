"""The jobs that are over, page by page, straight from Airflow's runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.sla_status import Status
from llmbatch.core.states import Phase
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.jobs.answers import JobEntry
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import PAGE, FoundJob, newest_runs
from llmbatch.gateway.jobs.paging import entries_of
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.jobs.view import REFUSED, model_of
from llmbatch.gateway.pages.job_list.open_job import sent_input
from llmbatch.gateway.pages.job_list.query import JobQuery
from llmbatch.gateway.wire.shared import Shared

PAGE_JOBS = 25
"""Jobs of one page."""
MOST_READ = 2000
"""Runs that are read for one page at most."""
PAGE_SECONDS = 2.0
"""Time for which readers of equal rights get the same page."""
SEARCH_SECONDS = 20.0
"""The same for a search in models and texts, which may read many runs."""
SEARCH_USABLE_SECONDS = 60.0
"""Time for which they get the old page while a search is made again."""

_MOST_PAGES = 200


@dataclass(frozen=True)
class PastJob:
    """A job that is over.

    Attributes:
        entry: what lists show of it.
        model: name of the model.
        started_at: when its run began; None if it never did.
    """

    entry: JobEntry
    model: str
    started_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long it ran; None if it never did."""
        end = self.entry.finished_at
        return None if self.started_at is None or end is None else (end - self.started_at).total_seconds()

    @property
    def outcome(self) -> str:
        """How it ended."""
        if self.entry.state is JobState.SUCCEEDED:
            return "Met" if self.entry.status is Status.MET else "Late"
        return self.entry.phase.replace("_", " ").capitalize()

    @property
    def colour(self) -> str:
        """The class of ``outcome``."""
        if self.entry.state is JobState.SUCCEEDED:
            return "met" if self.entry.status is Status.MET else "violated"
        return "red" if self.entry.phase in (Phase.FAILED, REFUSED) else "other"


@dataclass(frozen=True)
class History:
    """One page.

    Attributes:
        rows: the jobs, the newest first.
        older: the run after which the next page begins; None on the last page.
        read: runs that were read.
        is_cut: whether so many were read that older ones were not looked at.
        until: when the last job that was read was started; None without one.
    """

    rows: tuple[PastJob, ...] = ()
    older: str | None = None
    read: int = 0
    is_cut: bool = False
    until: datetime | None = None


class HistoryReader:
    """Reads pages once for all readers of equal rights.

    A page costs a call to Airflow, or at most twenty for a search in models and texts, and for the jobs of the page
    that have failed, two reads of the store each.
    """

    def __init__(self, config: Config, documents: JobDocuments, airflow: AirflowClient, clock: Clock) -> None:
        self._config, self._documents, self._airflow, self._clock = config, documents, airflow, clock
        self._pages: Shared[History] = Shared(PAGE_SECONDS, _MOST_PAGES, clock)
        self._searches: Shared[History] = Shared(SEARCH_SECONDS, _MOST_PAGES, clock, usable=SEARCH_USABLE_SECONDS)

    async def read(self, caller: Caller, query: JobQuery) -> History:
        """Return the page of a query, dry runs left out.

        Raises:
            Failure: the caller may not read the jobs, there is no run ``after``, or Airflow does not answer.
            StoreError: the store failed.
        """
        if not query.over_states:
            return History()
        kept = self._pages if query.model is None and query.text is None else self._searches
        key = (caller.authorization, query.over_states, query.owner, query.model, query.text, query.after)
        return await kept.get(key, lambda: self._read(caller.authorization, query))

    async def _read(self, authorization: str, query: JobQuery) -> History:
        after = None
        if query.after is not None:
            after = await self._airflow.run(authorization, INFERENCE_DAG, query.after)
        is_search = query.model is not None or query.text is not None
        runs = newest_runs(
            authorization,
            self._airflow,
            most=MOST_READ,
            page=PAGE if is_search else PAGE_JOBS + 2,
            states=query.over_states,
            until=None if after is None else after.run_after,
            user=query.owner,
        )
        found: list[DagRun] = []
        last: DagRun | None = None
        read = 0
        async for run in runs:
            read, last = read + 1, run
            if after is not None and run.dag_run_id == after.dag_run_id:
                found.clear()  # those before it have the same time
            elif self._matches(run, query):
                found.append(run)
            if len(found) > PAGE_JOBS:
                break
        entries = await asyncio.to_thread(entries_of, found[:PAGE_JOBS], self._documents, self._clock.now())
        has_more = len(found) > PAGE_JOBS
        is_cut = read >= MOST_READ and not has_more
        older = found[PAGE_JOBS - 1] if has_more else last if is_cut else None
        return History(
            rows=tuple(self._row(run, entry) for run, entry in zip(found, entries, strict=False)),
            older=None if older is None else older.dag_run_id,
            read=read,
            is_cut=is_cut,
            until=None if last is None else last.run_after,
        )

    def _row(self, run: DagRun, entry: JobEntry) -> PastJob:
        return PastJob(entry, entry.model or self._model_of(FoundJob(run, None)), run.start_date)

    def _model_of(self, found: FoundJob) -> str:
        return model_of(found) or self._config.default_model

    def _matches(self, run: DagRun, query: JobQuery) -> bool:
        if (run.conf or {}).get("dry_run") is True:
            return False
        found = FoundJob(run, None)
        texts = (job_id_of(run.dag_id, run.dag_run_id), run.dag_run_id, sent_input(found))
        return query.matches(owner=found.owner, model=self._model_of(found), texts=texts)
