"""Dry runs that have ended, kept so that a verdict for another deadline costs no request of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from llmbatch.core.admission import Admission, QueuedJob
from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.dry_run import DryRun
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.documents import JobDocuments, Kept
from llmbatch.gateway.wire.failures import Failure
from llmbatch.gateway.wire.shared import Shared
from llmbatch.orchestrator.admission.queue import open_jobs

KEPT_SECONDS = 600.0
"""Time for which a result is used without a new look at the store; it never changes."""
QUEUE_SECONDS = 3.0
"""Time after which the queue is read again."""
QUEUE_USABLE_SECONDS = 10.0
"""Time for which requests get the old queue while the new one is read."""

_MOST = 200


@dataclass(frozen=True)
class Checked:
    """A dry run that has ended: its job, what it found, and the basis of its estimates."""

    spec: JobSpec
    result: DryRun
    basis: EtaBasis


class CheckedJobs:
    """Reader of dry runs.

    Args:
        config: settings of this deployment.
        store: where the jobs are.
        documents: reader of the jobs there.
        clock: the time of a verdict, and the age of what is kept.
    """

    def __init__(self, config: Config, store: ObjectStore, documents: JobDocuments, clock: Clock) -> None:
        self._config, self._store, self._documents, self._clock = config, store, documents, clock
        self._checked: Kept[Checked] = Kept(KEPT_SECONDS, _MOST, clock)
        self._queue: Shared[tuple[QueuedJob, ...]] = Shared(QUEUE_SECONDS, 1, clock, usable=QUEUE_USABLE_SECONDS)

    def result(self, job_id: str) -> DryRun | None:
        """Return what a dry run has found, None before that. Blocks. Raises ``StoreError``."""
        return read_if_readable(DryRun, self._documents.layout(job_id).dry_run, self._store)

    async def verdict(self, job_id: str, caller: Caller, hours: float, priority: int | None) -> Admission:
        """Decide again about the job of a dry run, as if it were submitted now beside the jobs of the queue.

        Args:
            job_id: the dry run.
            caller: who asks.
            hours: from now to the deadline.
            priority: of the job; None for that of the dry run.

        Raises:
            Failure: 404 without a result, 403 if it is another user's.
            StoreError: the store failed.
        """
        checked = await asyncio.to_thread(self._checked.get, job_id, lambda: self._read(job_id))
        if not caller.may_read_answers(checked.spec.owner):
            raise not_yours()
        others = await self._queue.get("queue", self._others)
        return await asyncio.to_thread(self._weigh, checked, others, hours, priority)

    def _weigh(self, checked: Checked, others: tuple[QueuedJob, ...], hours: float, priority: int | None) -> Admission:
        from llmbatch.orchestrator.admission.admit import weigh_beside

        now = self._clock.now()
        request = checked.spec.request
        if priority is not None:
            request = request.model_copy(update={"priority": priority})
        spec = checked.spec.model_copy(update={"deadline": now + timedelta(hours=hours), "request": request})
        capacity = self._config.engine.max_replicas
        return weigh_beside(others, spec, checked.result.size, checked.basis, capacity, now)

    def _read(self, job_id: str) -> Checked:
        # here, because it imports pyarrow, which a process needs that is asked for verdicts
        from llmbatch.orchestrator.admission.admit import read_basis

        spec, result = self._documents.spec(job_id), self.result(job_id)
        if spec is None or result is None:
            raise Failure(404, "This check has no result. Check the form again.", code="no_check")
        return Checked(spec, result, read_basis(spec, self._store))

    async def _others(self) -> tuple[QueuedJob, ...]:
        base, now = self._config.store.base_uri, self._clock.now()
        return await asyncio.to_thread(open_jobs, base, self._store, now)


def not_yours() -> Failure:
    """Return the answer for a check of another user: its examples may quote rows."""
    return Failure(
        403,
        "The result of a check is shown to the user who started it, and to administrators of llmbatch.",
        type="permission_error",
        code="forbidden",
    )
