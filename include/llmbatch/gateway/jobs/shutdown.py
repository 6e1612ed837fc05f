"""Shut the service down gracefully, and resume it. A repeated call completes what an earlier one has begun."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectMissing, RequestError, SpecError
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.read_ahead import in_order
from llmbatch.core.service import Service
from llmbatch.core.states import DesiredState, Phase
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.jobs.active import active_runs
from llmbatch.gateway.jobs.failures import RUN_TASKS
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.steering import service as doors
from llmbatch.orchestrator.steering.open_job import OpenJob, drain_until_resume, end_drain, open_job

MOST_RUNNING = 1000
"""Running jobs that one call looks at."""
IN_FLIGHT = 16
"""Jobs that are read at a time."""

_log = logging.getLogger(__name__)


class RemainingJob(BaseModel):
    """A job that is accepted and whose run is not over.

    Attributes:
        phase: of its last heartbeat; ``queued`` before the first.
        rows_remaining: rows without an outcome; null before the first heartbeat.
        requested: what it is requested to do: ``drain``, ``cancel``, or ``run`` if it was not reached yet.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str
    phase: Phase
    rows_remaining: int | None
    requested: DesiredState


class ShutdownReport(BaseModel):
    """Whether jobs are admitted, and what still runs.

    Attributes:
        reason: of the shutdown; empty while jobs are admitted.
        by: user who stopped or started admission.
        at: when; null if that was never done.
        draining: the jobs that still run, by job id; while jobs are admitted, only those that are requested to stop.
        remaining: their number. At 0 after a shutdown, the machines may be stopped.
        waiting: runs that have started and wait until jobs are admitted, or are being accepted.
        drained: jobs that a resume continues. After it, a job is in the list until a heartbeat shows that it runs.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "admitting": False,
                    "reason": "new GPUs",
                    "by": "ann",
                    "at": "2030-01-01T00:00:00Z",
                    "draining": [
                        {
                            "job_id": "job-0123456789abcdef",
                            "phase": "work",
                            "rows_remaining": 1200,
                            "requested": "drain",
                        }
                    ],
                    "remaining": 1,
                    "waiting": 2,
                    "drained": ["job-0123456789abcdef", "job-00000000000000aa"],
                }
            ]
        },
    )

    admitting: bool
    reason: str = ""
    by: str = ""
    at: AwareDatetime | None = None
    draining: tuple[RemainingJob, ...] = ()
    remaining: int = 0
    waiting: int = 0
    drained: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shutdown:
    """What a caller may do with the whole service. The caller needs the right to edit the DAG of jobs."""

    base_uri: str
    store: ObjectStore
    airflow: AirflowClient
    clock: Clock
    authorization: str
    user: str

    async def report(self) -> ShutdownReport:
        """Return what still runs, and change nothing."""
        running, waiting = await self._running()
        return _report(await asyncio.to_thread(doors.read_service, self.base_uri, self.store), running, waiting)

    async def begin(self, reason: str) -> ShutdownReport:
        """Stop admission, drain every running job, and return what still runs.

        Raises:
            Failure: 403 if the caller may not edit the DAG of jobs.
            StoreError: the store failed; repeat the call.
        """
        await self.airflow.require_edit(self.authorization, INFERENCE_DAG)
        service = await asyncio.to_thread(self._stop_admission, reason)
        running, _ = await self._running()
        reached = [job for job in running if job.requested is DesiredState.RUN]
        if reached:
            await asyncio.to_thread(self._drain, reached, service.reason)
        return await self.report()

    async def end(self) -> ShutdownReport:
        """Admit jobs again and continue those that the shutdown drained.

        Raises:
            Failure: 403 if the caller may not edit the DAG of jobs.
            StoreError: the store failed; repeat the call.
        """
        await self.airflow.require_edit(self.authorization, INFERENCE_DAG)
        service = await asyncio.to_thread(self._start_admission)
        settled = [job_id for job_id in service.drained if await self._is_settled(job_id)]
        if settled:
            await asyncio.to_thread(doors.forget_drained, self.base_uri, frozenset(settled), self.store)
        return await self.report()

    async def _running(self) -> tuple[tuple[OpenJob, ...], int]:
        """Return the accepted jobs whose runs are running, and the number of the other running runs."""
        runs = await active_runs(
            self.airflow, self.authorization, INFERENCE_DAG, states=("running",), most=MOST_RUNNING
        )
        jobs = await asyncio.to_thread(self._open_jobs, runs)
        return jobs, len(runs) - len(jobs)

    def _open_jobs(self, runs: Iterable[DagRun]) -> tuple[OpenJob, ...]:
        def look(run: DagRun) -> OpenJob | None:
            layout = JobLayout.of(self.base_uri, job_id_of(run.dag_id, run.dag_run_id))
            return open_job(layout, self.store, self.clock.now())

        found = in_order(look, runs, in_flight=IN_FLIGHT, name="shutdown")
        return tuple(sorted((job for job in found if job), key=lambda job: job.layout.job_id))

    def _stop_admission(self, reason: str) -> Service:
        return doors.stop_admission(self.base_uri, reason=reason, by=self.user, store=self.store, clock=self.clock)

    def _start_admission(self) -> Service:
        return doors.start_admission(self.base_uri, by=self.user, store=self.store, clock=self.clock)

    def _drain(self, jobs: Iterable[OpenJob], reason: str) -> None:
        """Note the jobs, so that a resume finds them, then drain them."""
        layouts = [job.layout for job in jobs]
        doors.note_drained(self.base_uri, tuple(layout.job_id for layout in layouts), self.store)
        why = f"the service shuts down: {reason}" if reason else "the service shuts down"
        for layout in layouts:
            try:
                drain_until_resume(layout, reason=why, by=self.user, store=self.store, clock=self.clock)
            except RequestError:
                _log.info("event=not_drained job_id=%s reason=removed", layout.job_id)

    async def _is_settled(self, job_id: str) -> bool:
        """Let a drained job run; return whether nothing is left to do for it."""
        job, spec = await asyncio.to_thread(self._let_run, job_id)
        if job is None or spec is None or job.is_stopped_by_user:
            return True
        try:
            run = await self.airflow.run(self.authorization, spec.dag_id, spec.run_id)
        except Failure as failure:
            if failure.status != 404:
                raise
            return True
        if not run.is_over:
            # It may have read the drain before. Then its run ends, and the next call continues it.
            return job.runs_again
        if job.may_continue:
            await self.airflow.continue_run(self.authorization, spec.dag_id, spec.run_id, *RUN_TASKS)
        return True

    def _let_run(self, job_id: str) -> tuple[OpenJob | None, JobSpec | None]:
        layout = JobLayout.of(self.base_uri, job_id)
        try:
            spec = read_spec(layout.root, self.store, is_strict=False)
            end_drain(layout, by=self.user, store=self.store, clock=self.clock)
        except (ObjectMissing, SpecError, RequestError):
            return None, None  # removed
        return open_job(layout, self.store, self.clock.now()), spec


def _report(service: Service, running: Iterable[OpenJob], waiting: int) -> ShutdownReport:
    jobs = tuple(
        RemainingJob(
            job_id=job.layout.job_id,
            phase=Phase.QUEUED if job.progress is None else job.progress.phase,
            rows_remaining=job.rows_remaining,
            requested=job.requested,
        )
        for job in running
        if not (service.admitting and job.requested is DesiredState.RUN)
    )
    return ShutdownReport(
        **service.model_dump(exclude={"schema_version"}), draining=jobs, remaining=len(jobs), waiting=waiting
    )
