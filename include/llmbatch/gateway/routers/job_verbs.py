"""``POST /jobs/{job_id}/…``: steer a job, retry its failed rows."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.openapi.models import Example
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from llmbatch.core.control import ReplicaBounds
from llmbatch.core.states import DesiredState
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.answers import StartedJob
from llmbatch.gateway.jobs.deliver import StartedDelivery, start_delivery
from llmbatch.gateway.jobs.retry import require_delivered, retry_failed
from llmbatch.gateway.jobs.start import Starter
from llmbatch.gateway.jobs.steer import RUNNING_ON, SteerAnswer, Steering
from llmbatch.gateway.parts import Parts
from llmbatch.gateway.routers.dependencies import CallerDep, JobId, PartsDep, admitting
from llmbatch.gateway.routers.jobs import found_job
from llmbatch.gateway.routers.start import checked_request, started
from llmbatch.gateway.wire.failures import Failure

router = APIRouter(tags=["steering"], prefix="/jobs/{job_id}")

MOST_REPLICAS = 1024


class Reason(BaseModel):
    """Why; it is shown in the job's log and outcome, and in the note of its run."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "wrong prompt"}]})

    reason: Annotated[str, Field(max_length=500)] = ""


class Scale(Reason):
    """The number of replicas that the job may have from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"min": 2, "max": 4, "reason": "due at noon"}]})

    min: Annotated[int, Field(ge=1, le=MOST_REPLICAS)]
    max: Annotated[int, Field(ge=1, le=MOST_REPLICAS)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self


class Delivery(BaseModel):
    """Where to deliver."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"output_uri": "s3://bucket/answers"}]})

    output_uri: Annotated[str, Field(min_length=1, max_length=1000)]


RETRY_EXAMPLES: dict[str, Example] = {
    "same": {"summary": "As the earlier job", "value": {}},
    "longer": {"summary": "With longer answers", "value": {"sla_hours": 2, "sampling": {"max_tokens": 1024}}},
}
CONFLICT: dict[int | str, dict[str, str]] = {409: {"description": "The state of the job does not allow it."}}


async def reason_of(body: Reason | None = None) -> str:
    """Return the reason of a request; empty without a body, and for null."""
    return "" if body is None else body.reason


ReasonDep = Annotated[str, Depends(reason_of)]


async def steering(job_id: str, parts: Parts, caller: Caller) -> Steering:
    """Return what steers the job with the rights of the caller."""
    return Steering(await found_job(job_id, parts, caller), caller, parts.airflow, parts.store, parts.clock)


@router.post("/cancel", status_code=202, summary="Cancel a job", responses={**CONFLICT})
async def cancel(job_id: JobId, parts: PartsDep, caller: CallerDep, reason: ReasonDep) -> SteerAnswer:
    """Stop the job; committed rows stay. A job that is not accepted yet is stopped by failing its run."""
    return await (await steering(job_id, parts, caller)).request(DesiredState.CANCEL, reason)


@router.post("/drain", status_code=202, summary="Drain a job", responses={**CONFLICT})
async def drain(job_id: JobId, parts: PartsDep, caller: CallerDep, reason: ReasonDep) -> SteerAnswer:
    """Finish the shards that have begun, then stop. `resume` continues with what is missing."""
    return await (await steering(job_id, parts, caller)).request(DesiredState.DRAIN, reason)


@router.post("/pause", status_code=202, summary="Pause a job", responses={**CONFLICT})
async def pause(job_id: JobId, parts: PartsDep, caller: CallerDep, reason: ReasonDep) -> SteerAnswer:
    """Finish the rows in flight and release the engines until `resume`."""
    changes = {**RUNNING_ON, "paused": True}
    return await (await steering(job_id, parts, caller)).change("pause", changes, reason)


@router.post("/resume", status_code=202, summary="Resume a job", responses={**CONFLICT})
async def resume(job_id: JobId, parts: PartsDep, caller: CallerDep, reason: ReasonDep) -> SteerAnswer:
    """Withdraw a drain, a cancel and a pause. A run that has failed continues from its first failed task."""
    return await (await steering(job_id, parts, caller)).resume(reason)


@router.post("/scale", status_code=202, summary="Change the number of replicas", responses={**CONFLICT})
async def scale(job_id: JobId, parts: PartsDep, caller: CallerDep, body: Scale) -> SteerAnswer:
    """Change the bounds of the job's replicas while it runs, up to `limits.max_replicas` of config.yaml."""
    most = parts.config.limits.max_replicas
    if body.max > most:
        raise Failure(
            400,
            f"max: {body.max} is more than limits.max_replicas {most} of config.yaml. Ask for fewer replicas.",
            param="max",
        )
    steer = await steering(job_id, parts, caller)
    return await steer.scale(ReplicaBounds(min=body.min, max=body.max), body.reason)


@router.post(
    "/retry-failed",
    status_code=202,
    summary="Retry the rows that failed",
    responses={**CONFLICT},
    dependencies=[Depends(admitting)],
)
async def retry(
    job_id: JobId,
    request: Request,
    response: Response,
    parts: PartsDep,
    caller: CallerDep,
    body: Annotated[dict[str, JsonValue] | None, Body(openapi_examples=RETRY_EXAMPLES)] = None,
) -> StartedJob:
    """Start a job that runs the rows without an answer again, and delivers all rows.

    The body may have fields of a job request, such as `sampling`, but no input. The same call again returns the same
    retry while it runs and after it has succeeded; after it has failed, it starts another one.
    """
    found = await found_job(job_id, parts, caller)
    await require_delivered(found, caller.may_read_answers(found.owner), parts.documents)
    conf: dict[str, JsonValue] = {**(body or {}), "retry_failed_of": job_id}
    asked = checked_request(conf, None)
    starter = Starter(caller, parts.airflow, parts.documents, parts.store, parts.config.store.base_uri)
    new = await retry_failed(asked, conf, starter)
    response.headers["Location"] = f"{request.scope.get('root_path', '').rstrip('/')}/jobs/{new.job_id}"
    return await started(new, parts)


@router.post("/deliver", status_code=202, summary="Deliver a job to another address", responses={**CONFLICT})
async def deliver(job_id: JobId, parts: PartsDep, caller: CallerDep, body: Delivery) -> StartedDelivery:
    """Write the files of a finished job to `<output_uri>/<job_id>/`, by a run of `llmbatch_delivery`.

    No row is run again. For the owner of the job and admins, within `store.allowed_outputs` of config.yaml.
    """
    found = await found_job(job_id, parts, caller)
    await require_delivered(found, caller.may_read_answers(found.owner), parts.documents)
    return await start_delivery(
        job_id,
        body.output_uri,
        caller=caller,
        airflow=parts.airflow,
        config=parts.config,
        store=parts.store,
        clock=parts.clock,
    )
