"""Requests to a job: cancel, drain, pause, scale, resume. Airflow's audit log has each before the store has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from pydantic import BaseModel, ConfigDict

from llmbatch.core.clock import Clock
from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.shown import shown
from llmbatch.core.states import DesiredState
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.jobs.failures import RUN_TASKS, failed_task
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.steering.control import adjust, request_state

NOTE_CHARS = 1000
"""Most characters of a run's note."""
RUNNING_ON: Mapping[str, object] = {"paused": False, "paused_by": None, "paused_until": None}


class SteerAnswer(BaseModel):
    """What was done, and the control object that is in force; null for a job that has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str
    done: str
    control: Control | None = None


@dataclass(frozen=True)
class Steering:
    """Steers one job for one caller."""

    found: FoundJob
    caller: Caller
    airflow: AirflowClient
    store: ObjectStore
    clock: Clock

    async def request(self, desired: DesiredState, reason: str) -> SteerAnswer:
        """Request that the job cancels or drains. A job that is not accepted yet is cancelled by failing its run.

        Raises:
            Failure: 403 without the right to edit the run, 409 if a stronger request is in force or the job is over.
        """
        verb = desired.value
        await self._refuse_if_over(verb)
        await self._note(verb, reason)
        spec = self.found.spec
        if spec is None and desired is DesiredState.CANCEL:
            await self.airflow.fail_run(self._as, *self._run)
            return SteerAnswer(
                job_id=self.found.job_id, done="The job was not accepted yet; its run is marked as failed."
            )
        control = await self._requested(desired, reason)
        if control.desired is not desired:
            raise self._conflict(
                f"{shown(control.written_by)} requested {control.desired.value} ({shown(control.reason)}), which stays "
                f"in force. POST jobs/{self.found.job_id}/resume first if it no longer applies.",
                "control_conflict",
            )
        done = f"The job will {verb}: it looks at requests every few seconds."
        return SteerAnswer(job_id=self.found.job_id, done=done, control=control)

    async def change(self, verb: str, changes: Mapping[str, object], reason: str) -> SteerAnswer:
        """Change single fields of the control object.

        Raises:
            Failure: 403 without the right to edit the run, 409 if the job is over or not accepted yet.
        """
        await self._refuse_if_over(verb)
        await self._note(verb, reason)
        control = await self._adjusted(changes, reason)
        return SteerAnswer(
            job_id=self.found.job_id, done=f"{verb}: the job follows within a few seconds.", control=control
        )

    async def scale(self, bounds: ReplicaBounds, reason: str) -> SteerAnswer:
        """Change the number of replicas that the job may have."""
        return await self.change(f"scale to {bounds.min}..{bounds.max}", {"replicas": bounds}, reason)

    async def resume(self, reason: str) -> SteerAnswer:
        """Withdraw a drain, a cancel and a pause; continue a failed run from its first failed task.

        Raises:
            Failure: 403 without the right to edit the run, 409 if the job succeeded or was refused.
        """
        if self.found.state is JobState.SUCCEEDED:
            await self._refuse_if_over("resume")
        await self._note("resume", reason)
        control = await self._requested(DesiredState.RUN, reason)
        was_paused = control.paused
        if was_paused:
            control = await self._adjusted(RUNNING_ON, reason)
        done = "The pause is over." if was_paused else "The job runs; no drain, cancel or pause is in force."
        if self.found.state is JobState.FAILED:
            task = await failed_task(self.found, self._as, self.airflow) or "run"
            await self.airflow.continue_run(self._as, *self._run, *(RUN_TASKS if task in RUN_TASKS else (task,)))
            done = f"The run had failed; it continues from the task {task}, and keeps all committed rows."
        return SteerAnswer(job_id=self.found.job_id, done=done, control=control)

    @property
    def _as(self) -> str:
        return self.caller.authorization

    @property
    def _run(self) -> tuple[str, str]:
        return self.found.run.dag_id, self.found.run.dag_run_id

    async def _note(self, verb: str, reason: str) -> None:
        note = f"{verb} requested by {self.caller.user}: {shown(reason)}"
        await self.airflow.note_run(self._as, *self._run, note[:NOTE_CHARS])

    async def _refuse_if_over(self, verb: str) -> None:
        if self.found.run.is_over:
            await self.airflow.require_edit(self._as, self.found.run.dag_id)
            raise self._conflict(f"The job has {self.found.state.value}, so there is nothing to {verb}.", "job_over")

    async def _requested(self, desired: DesiredState, reason: str) -> Control:
        call = partial(request_state, self._root(), desired, reason=reason, by=self.caller.user)
        return await asyncio.to_thread(call, store=self.store, clock=self.clock)

    async def _adjusted(self, changes: Mapping[str, object], reason: str) -> Control:
        call = partial(adjust, self._root(), changes, reason=reason, by=self.caller.user)
        return await asyncio.to_thread(call, store=self.store, clock=self.clock)

    def _root(self) -> str:
        spec = self.found.spec
        if spec is None and self.found.state is JobState.FAILED:
            raise self._conflict("The job was refused before it was accepted; start it again.", "job_refused")
        if spec is None:
            raise self._conflict("The job is not accepted yet. Try again, or cancel it.", "job_not_accepted")
        return spec.root_uri

    def _conflict(self, message: str, code: str) -> Failure:
        job_id = self.found.job_id
        return Failure(409, f"{job_id}: {message}", type="conflict_error", code=code, job_id=job_id)
