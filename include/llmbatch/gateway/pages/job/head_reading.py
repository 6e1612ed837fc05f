"""Reads what the head of a job's page needs, and asks Airflow what the caller may do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from llmbatch.core.control import Control
from llmbatch.core.dry_run import DryRun
from llmbatch.core.manifest import CostRecord
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.answers import Job
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.pages.job.buttons import Situation, allowed, possible
from llmbatch.gateway.pages.job.head import Head, head_of
from llmbatch.gateway.pages.job.readings import JobReadings


@dataclass(frozen=True)
class HeadReader:
    """Reads heads for one caller.

    Args:
        readings: readings of single jobs.
        documents: the documents of jobs.
        most_replicas: ``limits.max_replicas`` of config.yaml.
        caller: who looks.
    """

    readings: JobReadings
    documents: JobDocuments
    most_replicas: int
    caller: Caller

    async def read(self, found: FoundJob, job: Job, now: datetime) -> Head:
        """Return the head of a job.

        Raises:
            StoreError: the store failed.
        """
        situation, cost, dry_run = await asyncio.to_thread(self._look, found, now)
        buttons = possible(situation)
        rights = await self.readings.rights.of(
            self.caller.authorization, found.run, (button.right for button in buttons)
        )
        return head_of(found, job, situation.control, cost, allowed(buttons, rights), now, dry_run)

    def _look(self, found: FoundJob, now: datetime) -> tuple[Situation, CostRecord | None, DryRun | None]:
        spec, may_read = found.spec, self.caller.may_read_answers(found.owner)
        progress = None if spec is None else self.documents.progress(spec.job_id, now)
        proof = self.documents.proof(spec.job_id) if spec is not None and found.state is not JobState.QUEUED else None
        may_retry = spec is not None and proof is not None and may_read
        situation = Situation(
            found=found,
            progress=progress,
            control=Control() if spec is None else self.readings.control(spec),
            proof=proof,
            may_read=may_read,
            admitting=may_retry and self.readings.admitting(),
            is_staged=spec is not None and may_retry and self.readings.is_staged(spec),
            most_replicas=self.most_replicas,
        )
        cost = None if spec is None or progress is None or proof is not None else self.readings.cost(spec, progress)
        is_dry = spec is not None and spec.request.dry_run
        return situation, cost, self.readings.dry_run(spec) if spec is not None and is_dry else None
