"""Retry the rows of a finished job that did not succeed, as a new job."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pydantic import JsonValue

from llmbatch.core.job_request import JobRequest
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.start import Starter
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.wire.failures import Failure, unknown_job
from llmbatch.orchestrator.jobs.keys import request_digest

MOST_RETRIES = 20
"""Retries of one job with equal fields that may fail."""


async def require_delivered(found: FoundJob, caller_may_read: bool, documents: JobDocuments) -> None:
    """Check that the caller may read the rows of a job, and that the job has delivered them.

    Raises:
        Failure: 404 for another user's job, 409 if the job has no manifest.
    """
    if not caller_may_read:
        raise unknown_job(found.job_id)
    if found.spec is None or await asyncio.to_thread(documents.proof, found.job_id) is None:
        raise Failure(
            409,
            f"{found.job_id} is {found.state.value} and has delivered nothing. GET jobs/{found.job_id} shows its "
            "progress.",
            type="conflict_error",
            code="job_not_finished",
            job_id=found.job_id,
        )


async def retry_failed(request: JobRequest, conf: Mapping[str, JsonValue], starter: Starter) -> FoundJob:
    """Start the retry, or return the one with equal fields that runs or has succeeded.

    The run id is derived from user, job, fields and a number. A retry that failed makes room for the next number.

    Raises:
        Failure: 409 if twenty such retries have failed.
    """
    digest = request_digest(request)
    for number in range(1, MOST_RETRIES + 1):
        run_id = f"retry__{starter.derived('retry', digest, str(number))}"
        found = await starter.start_or_find(run_id, digest, conf)
        if found.state is not JobState.FAILED:
            return found
    raise Failure(
        409,
        f"{MOST_RETRIES} such retries of {request.retry_failed_of} have failed. GET jobs/{found.job_id} says why.",
        type="conflict_error",
        code="too_many_retries",
        job_id=request.retry_failed_of,
    )
