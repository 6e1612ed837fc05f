"""``POST /start``: a request becomes a job."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Request, Response
from fastapi.openapi.models import Example
from pydantic import JsonValue, WrapValidator

from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest, parse_request
from llmbatch.gateway.jobs.answers import StartedJob
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.start import Starter
from llmbatch.gateway.jobs.view import admission_of
from llmbatch.gateway.parts import Parts
from llmbatch.gateway.routers.dependencies import CallerDep, PartsDep, admitting
from llmbatch.gateway.wire.failures import Failure

router = APIRouter(tags=["jobs"])

MOST_WAIT_SECONDS = 30
EXAMPLES: dict[str, Example] = {
    "prompts": {
        "summary": "Prompts in JSON lines, due in six hours",
        "value": {"input_uri": "s3://bucket/prompts.jsonl", "sla_hours": 6, "sampling": {"max_tokens": 256}},
    },
    "table": {
        "summary": "A column of a Parquet table",
        "value": {
            "input_uri": "s3://bucket/day=1/",
            "prompt_template": "Translate to French: {text}",
            "output_uri": "s3://bucket/answers/",
            "on_infeasible": "reject",
        },
    },
}
KEY_PATTERN = r"^[\x20-\x7e]+$"
KeyHeader = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=KEY_PATTERN,
        description="The same key and request again return the same job; another request with it is answered with 409.",
    ),
]
PreferHeader = Annotated[
    str | None,
    Header(max_length=200, description="`wait=N`: wait up to N seconds, 30 at most, for the decision on admission."),
]

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,9})\"?", re.ASCII | re.IGNORECASE)


def checked_request(value: object, _: object) -> JobRequest:
    """Validate a body as every entry point does, so that the error names the nearest field and the fix."""
    if not isinstance(value, dict):
        raise Failure(400, "The body is not a JSON object. Send one, with 'Content-Type: application/json'.")
    try:
        return parse_request(value)
    except RequestError as error:
        raise Failure(400, str(error), param=error.field, code="invalid_request") from None


RequestBody = Annotated[JobRequest, WrapValidator(checked_request)]


@router.post(
    "/start",
    status_code=202,
    summary="Start a job",
    response_model=StartedJob,
    responses={409: {"description": "The idempotency key was used for another request."}},
    dependencies=[Depends(admitting)],
)
async def start(
    request: Request,
    response: Response,
    parts: PartsDep,
    caller: CallerDep,
    body: Annotated[RequestBody, Body(openapi_examples=EXAMPLES)],
    prefer: PreferHeader = None,
    idempotency_key: KeyHeader = None,
) -> StartedJob:
    """Start a job with the caller's rights. The input is read and the deadline is checked in Airflow.

    So `admission` is null, unless the header `Prefer: wait=N` waits for the decision; a request that is refused within
    that time is answered with 400 and the reason.
    """
    conf: dict[str, JsonValue] = {key: value for key, value in (await request.json()).items() if value is not None}
    key = _one_key(idempotency_key, body.idempotency_key)
    if key is not None:
        conf["idempotency_key"] = key
    starter = Starter(caller, parts.airflow, parts.documents, parts.store, parts.config.store.base_uri)
    found = await starter.start(body.model_copy(update={"idempotency_key": key}), conf, parts.clock.now())
    seconds = wait_seconds(prefer)
    if seconds is not None:
        response.headers["Preference-Applied"] = f"wait={seconds}"
        found = await starter.decision(found, seconds) or found
    response.headers["Location"] = f"{request.scope.get('root_path', '').rstrip('/')}/jobs/{found.job_id}"
    return await started(found, parts)


async def started(found: FoundJob, parts: Parts) -> StartedJob:
    """Return the answer to a start."""
    admission = None if found.spec is None else await asyncio.to_thread(parts.documents.admission, found.job_id)
    return StartedJob(
        job_id=found.job_id,
        dag_run_id=found.run.dag_run_id,
        state=found.state,
        deadline=found.deadline,
        admission=None if admission is None else admission_of(admission),
    )


def wait_seconds(prefer: str | None) -> int | None:
    """Return the seconds of ``wait`` in a header ``Prefer`` (RFC 7240), 30 at most; None if it has none."""
    for preference in (prefer or "").split(","):
        found = _WAIT.fullmatch(preference.partition(";")[0].strip())
        if found is not None:
            return min(int(found[1]), MOST_WAIT_SECONDS)
    return None


def _one_key(header: str | None, body: str | None) -> str | None:
    if header is not None and body is not None and header != body:
        raise Failure(
            400,
            "idempotency_key: the header Idempotency-Key has another value. Send the key once.",
            param="idempotency_key",
            code="invalid_request",
        )
    return header if header is not None else body
