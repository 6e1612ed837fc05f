"""Orphans: Ray jobs that run although the DAG run that started them has ended or was deleted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from llmbatch.core import metrics
from llmbatch.core.claims import last_claim
from llmbatch.core.clock import Clock
from llmbatch.core.errors import LlmbatchError, ObjectMissing, RayJobError
from llmbatch.core.identity import MAINTENANCE_DAG, job_id_of, submission_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.shown import shown
from llmbatch.core.states import DesiredState
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.metrics.events import count
from llmbatch.orchestrator.ray_jobs.client import RayJobs
from llmbatch.orchestrator.ray_jobs.generations import generation_of
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo
from llmbatch.orchestrator.steering.control import delivers_on_cancel, request_state

BY = MAINTENANCE_DAG
GRACE_SECONDS = 60.0
"""Time between the two checks that must both find an orphan: a run that just ended may still be stopping its job."""
CANCEL_SECONDS = 30.0
"""Time that an orphan has to end after its cancel was requested, before Ray stops it."""
POLL_SECONDS = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Orphan:
    """One active Ray job without a live DAG run."""

    submission_id: str
    layout: JobLayout
    dag_id: str
    run_id: str
    state: DagRunState

    def line(self) -> str:
        """Return one line for the log."""
        run = f"run_id={shown(self.run_id)} run={self.state.value}"
        return f"submission_id={self.submission_id} dag_id={self.dag_id} {run}"


@dataclass(frozen=True)
class OrphanSweep:
    """Finds and stops orphans.

    Args:
        jobs: client of the Ray cluster.
        run_state: returns the state of a DAG run by DAG id and run id.
        store: where the jobs are.
        base_uri: jobs are stored under ``<base_uri>/jobs/``; one without a folder there is not an orphan.
        dag_ids: DAGs whose jobs may be stopped.
        clock: for the waits.
        sleep: waits; in seconds.
    """

    jobs: RayJobs
    run_state: Callable[[str, str], DagRunState]
    store: ObjectStore
    base_uri: str
    dag_ids: Collection[str]
    clock: Clock
    sleep: Callable[[float], None] = time.sleep

    def run(self, *, dry_run: bool) -> tuple[Orphan, ...]:
        """Stop all orphans and return them; one line in the log for each. ``dry_run`` stops nothing.

        Raises:
            RayJobError: Ray cannot be reached, or did not stop all of them.
            StoreError: the store failed.
        """
        first = {orphan.submission_id for orphan in self._look()}
        if not first:
            return ()
        self.sleep(GRACE_SECONDS)
        orphans = tuple(orphan for orphan in self._look() if orphan.submission_id in first)
        for orphan in orphans:
            _log.warning("event=orphan action=%s %s", "would_stop" if dry_run else "stop", orphan.line())
        if not dry_run:
            self._stop(orphans)
        return orphans

    def _look(self) -> list[Orphan]:
        found = (self._orphan(info) for info in self.jobs.submissions() if info.status.is_active)
        return [orphan for orphan in found if orphan is not None]

    def _orphan(self, info: RayJobInfo) -> Orphan | None:
        """Return the job as an orphan; None if it is not of this deployment or its run is alive."""
        origin = [info.metadata.get(name, "") for name in ("dag_id", "run_id", "task_id")]
        dag_id, run_id, _ = origin
        job_id = job_id_of(dag_id, run_id)
        if not all(origin) or dag_id not in self.dag_ids:
            return None
        if info.submission_id != submission_id_of(job_id, generation_of(info.submission_id)):
            return None
        state = self.run_state(dag_id, run_id)
        if state is DagRunState.ALIVE:
            return None
        layout = JobLayout.of(self.base_uri, job_id)
        try:
            self.store.head(layout.spec)
        except ObjectMissing:
            _log.info(
                "event=orphan_left_alone submission_id=%s reason=no_job_folder base=%s",
                info.submission_id,
                self.base_uri,
            )
            return None
        return Orphan(info.submission_id, layout, dag_id, run_id, state)

    def _stop(self, orphans: Collection[Orphan]) -> None:
        """Request that they end, so that finished rows are committed; Ray stops those that do not end in time."""
        cancelling = [orphan for orphan in orphans if self._request_cancel(orphan)]
        until = self.clock.monotonic() + CANCEL_SECONDS
        while cancelling and self.clock.monotonic() < until:
            self.sleep(POLL_SECONDS)
            cancelling = [orphan for orphan in cancelling if self._is_active(orphan)]
        failures = [failure for orphan in orphans if (failure := self._end(orphan))]
        if failures:
            raise RayJobError(f"{len(failures)} of {len(orphans)} orphans may still run; the first: {failures[0]}")

    def _request_cancel(self, orphan: Orphan) -> bool:
        """Request the end; return whether the job can read it: one that has not started reads no control object.

        A job that delivers when it is cancelled is drained: no user cancelled it, so a cleared run must find its rows.
        """
        reason = f"its DAG run {orphan.run_id} is {orphan.state.value}"
        try:
            if not last_claim(self.store, orphan.layout):
                return False
            desired = DesiredState.DRAIN if delivers_on_cancel(orphan.layout, self.store) else DesiredState.CANCEL
            request_state(orphan.layout.root, desired, reason=reason, by=BY, store=self.store, clock=self.clock)
        except LlmbatchError as error:
            _log.warning(
                "event=cancel_request_failed submission_id=%s error=%s; Ray will stop it", orphan.submission_id, error
            )
            return False
        return True

    def _is_active(self, orphan: Orphan) -> bool:
        return self.jobs.status(orphan.submission_id).status.is_active

    def _end(self, orphan: Orphan) -> RayJobError | None:
        try:
            by_ray = self._is_active(orphan) and self.jobs.stop(orphan.submission_id)
        except RayJobError as error:
            return error
        count(metrics.ORPHANS)
        _log.warning("event=orphan_stopped %s by=%s", orphan.line(), "Ray" if by_ray else "control.json")
        return None
