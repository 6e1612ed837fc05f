"""How far a dry run is, and what it has found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from llmbatch.core.clock import later
from llmbatch.core.dry_run import DryRun
from llmbatch.core.job_request import JobRequest
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.jobs.failures import error_of
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.pages.start.checked import CheckedJobs, not_yours
from llmbatch.gateway.pages.start.verdict import Verdict, verdict_of
from llmbatch.gateway.wire.failures import Failure

LONG_WAIT = timedelta(minutes=1)
"""After so long a wait the page says what it may be due to."""

_BEGUN = frozenset({"running", "up_for_retry", "restarting", "success"})


@dataclass(frozen=True)
class CheckView:
    """What is shown of a dry run: until it ends, a sentence; then its result, or why it has none.

    Attributes:
        job_id: its job.
        waits: whether to ask again.
        sentence: what happens, or what went wrong.
        field: the field of the request that is wrong.
        result: what it has found.
        verdict: about the deadline of its request.
        finish: when the job would end: P50 and P90; None if unknown.
    """

    job_id: str
    waits: bool
    sentence: str
    field: str | None = None
    result: DryRun | None = None
    verdict: Verdict | None = None
    finish: tuple[datetime, datetime] | None = None


async def check_of(
    found: FoundJob, caller: Caller, airflow: AirflowClient, checked: CheckedJobs, now: datetime
) -> CheckView:
    """Return how far a dry run is. Costs one request to the store, and before the end one call to Airflow.

    Raises:
        Failure: 403 for another user's dry run, 404 for a job that is none.
        StoreError: the store failed.
    """
    if not caller.may_read_answers(found.owner):
        raise not_yours()
    if not _is_dry_run(found):
        raise Failure(404, f"{found.job_id} is a job, not a check. Its own page shows it.", code="no_check")
    if found.state is JobState.FAILED:
        return await _failed(found, caller, airflow)
    result = await asyncio.to_thread(checked.result, found.job_id)
    if result is not None:
        return _done(found, result)
    if found.state is JobState.SUCCEEDED:
        return CheckView(found.job_id, waits=False, sentence="The result is no longer stored. Check the form again.")
    states = await airflow.task_states(caller.authorization, found.run.dag_id, found.run.dag_run_id)
    return CheckView(found.job_id, waits=True, sentence=waiting(found, states, now))


def waiting(found: FoundJob, states: Mapping[str, str | None], now: datetime) -> str:
    """Return what a dry run that has not ended is doing, from the states of its tasks in Airflow."""
    accept, stage = states.get("accept"), states.get("stage")
    if accept == "up_for_reschedule":
        return "The service admits no jobs at present. The check goes on once it is resumed."
    if accept == "success" and stage in _BEGUN:
        return "All rows are read and counted."
    if accept in _BEGUN and accept != "success":
        return "The request and its input are checked."
    if found.state is JobState.QUEUED:
        sentence = "The check waits until Airflow starts its run."
    else:
        sentence = "The check waits for a free worker of Airflow."
    if now - found.run.run_after < LONG_WAIT:
        return sentence
    return f"{sentence} This takes more than a minute: other tasks may hold all of them. It starts by itself."


def _done(found: FoundJob, result: DryRun) -> CheckView:
    admission = result.admission
    finish = None
    if admission.eta_p50 is not None and admission.eta_p90 is not None:
        finish = later(admission.decided_at, admission.eta_p50), later(admission.decided_at, admission.eta_p90)
    return CheckView(
        found.job_id,
        waits=False,
        sentence="The check has ended.",
        result=result,
        verdict=verdict_of(admission),
        finish=finish,
    )


async def _failed(found: FoundJob, caller: Caller, airflow: AirflowClient) -> CheckView:
    error = await error_of(found, caller.authorization, airflow)
    message = error.message if error is not None else "The log of its run in Airflow says why."
    field = message.partition(":")[0]
    is_field = field.partition(".")[0] in JobRequest.model_fields
    return CheckView(found.job_id, waits=False, sentence=message, field=field if is_field else None)


def _is_dry_run(found: FoundJob) -> bool:
    return found.spec.request.dry_run if found.spec is not None else (found.run.conf or {}).get("dry_run") is True
