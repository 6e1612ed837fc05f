"""The daily checks, computed from Airflow and the store with the rights of the caller."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Sequence

from pydantic import ValidationError

from llmbatch.core.backups import read_backups
from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.heartbeat import read_heartbeat
from llmbatch.core.identity import INFERENCE_DAG, MAINTENANCE_DAG, job_id_of
from llmbatch.core.read_ahead import in_order
from llmbatch.core.staleness import STALLED_SECONDS
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.jobs import check_rules as rules
from llmbatch.gateway.jobs.active import active_runs
from llmbatch.gateway.jobs.check_rules import Check, Checks
from llmbatch.gateway.jobs.readings import Readings
from llmbatch.gateway.jobs.sla_status import MOST_JOBS, SlaStatus
from llmbatch.gateway.jobs.versions import versions
from llmbatch.gateway.wire.failures import Failure
from llmbatch.gateway.wire.shared import Shared
from llmbatch.orchestrator.jobs.day_index import IndexedJob, indexed_jobs

CHECKS_SECONDS = 10.0
"""Time for which the checks of one caller are used."""
MOST_OPEN = 200
"""Jobs without a report, the newest, among which orphans are searched."""
MOST_FAILED = 100
"""Failed runs that are read, the newest."""

_DIGEST_CHARS = 12
_IN_FLIGHT = 4
_MOST_CALLERS = 100


class DailyChecks:
    """Checks for the requests of one process; those of one caller share a reading.

    Args:
        config: limits, addresses, and what the digest of the configuration is of.
        store: where the jobs are.
        airflow: runs and their tasks.
        readings: the status of the jobs that are not over.
        clock: for ages.
    """

    def __init__(
        self, config: Config, store: ObjectStore, airflow: AirflowClient, readings: Readings, clock: Clock
    ) -> None:
        self._config, self._store, self._airflow, self._clock = config, store, airflow, clock
        self._readings, self._base = readings, config.store.base_uri
        self._checks: Shared[Checks] = Shared(CHECKS_SECONDS, _MOST_CALLERS, clock)

    async def read(self, authorization: str) -> Checks:
        """Return all checks, at most ``CHECKS_SECONDS`` old.

        Raises:
            Failure: 403 if the caller may not read the jobs.
            StoreError: the store failed.
        """
        await self._readings.require_read(authorization)
        return await self._checks.get(authorization, lambda: self._read(authorization))

    async def _read(self, authorization: str) -> Checks:
        now = self._clock.now()
        answer = await self._readings.status(authorization)
        jobs = SlaStatus.model_validate_json(answer.body).jobs
        failed = await self._airflow.runs(authorization, INFERENCE_DAG, limit=MOST_FAILED, states=("failed",))
        indexed = await asyncio.to_thread(self._indexed)
        orphans = await self._orphans(authorization, [job for job in indexed if not job.is_reported][:MOST_OPEN])
        backups = await asyncio.to_thread(read_backups, self._base, self._store)
        found = self._versions()
        usage = shutil.disk_usage(tempfile.gettempdir())
        return Checks(
            generated_at=now,
            checks=(
                *await self._maintenance(authorization),
                rules.deadlines(jobs),
                rules.queue(jobs, self._config.monitoring.targets.queue_jobs),
                rules.failures(failed, now),
                rules.orphans(orphans),
                rules.backups(backups, now),
                rules.disk(usage.free / usage.total),
                rules.store_clock(await asyncio.to_thread(self._skew, indexed[:1])),
                rules.versions(found),
            ),
            versions=found,
            retention=self._config.retention.model_dump(),
            backups=backups,
        )

    def _indexed(self) -> list[IndexedJob]:
        return sorted(indexed_jobs(self._base, self._store), key=lambda job: job.touched_at, reverse=True)

    async def _maintenance(self, authorization: str) -> Sequence[Check]:
        try:
            runs = await self._airflow.runs(authorization, MAINTENANCE_DAG, limit=1, states=("success", "failed"))
            tasks = await self._airflow.task_states(authorization, MAINTENANCE_DAG, runs[0].dag_run_id) if runs else {}
        except Failure as failure:
            if failure.status >= 500:
                raise
            text = f"not checked: you may not read {MAINTENANCE_DAG}. Let an operator run the checks."
            return [Check(name=name, state=rules.CheckState.LOOK, text=text) for name in ("cluster", "retention")]
        return rules.maintenance(runs, tasks, self._clock.now())

    async def _orphans(self, authorization: str, jobs: Sequence[IndexedJob]) -> list[str]:
        """Return the jobs with a fresh heartbeat whose run is not active; a job that ends now may be among them."""
        living = await asyncio.to_thread(self._living, jobs)
        if not living:
            return []
        runs = await active_runs(self._airflow, authorization, INFERENCE_DAG, most=MOST_JOBS)
        active = {job_id_of(run.dag_id, run.dag_run_id) for run in runs}
        return [job_id for job_id in living if job_id not in active]

    def _living(self, jobs: Sequence[IndexedJob]) -> list[str]:
        now = self._clock.now()

        def lives(job: IndexedJob) -> str | None:
            try:
                beat = read_heartbeat(self._store, job.layout, now)
            except ValidationError:
                return None  # of another version, or written by another program
            if beat is None or beat.phase.is_terminal or beat.age(now) > STALLED_SECONDS:
                return None
            return job.job_id

        return [found for found in in_order(lives, jobs, in_flight=_IN_FLIGHT, name="checks") if found]

    def _skew(self, newest: Sequence[IndexedJob]) -> float | None:
        """Return by how many seconds this clock is ahead of the store's; None without a job."""
        try:
            at = self._store.get_aged(newest[0].entries[-1]).at if newest else None
        except ObjectMissing:
            return None
        return None if at is None else (self._clock.now() - at).total_seconds()

    def _versions(self) -> dict[str, str]:
        digest = hashlib.sha256(self._config.model_dump_json().encode()).hexdigest()[:_DIGEST_CHARS]
        return {**dict(zip(("llmbatch", "airflow", "python"), versions(), strict=True)), "config": digest}
