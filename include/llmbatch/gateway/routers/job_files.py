"""``GET /jobs/{job_id}/results`` and ``/errors``: what a finished job has delivered. For its owner and admins."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.error_rows import error_lines
from llmbatch.gateway.jobs.result_files import (
    TYPES,
    ResultFiles,
    Span,
    chunks,
    error_outputs,
    files_of,
    output_named,
    span_of,
    stored_file,
    type_of,
)
from llmbatch.gateway.jobs.retry import require_delivered
from llmbatch.gateway.parts import Parts
from llmbatch.gateway.routers.dependencies import CallerDep, IfNoneMatch, JobId, PartsDep
from llmbatch.gateway.routers.jobs import found_job
from llmbatch.gateway.wire.etags import NOT_MODIFIED, has_answer
from llmbatch.gateway.wire.failures import unknown_job

router = APIRouter(tags=["results"], prefix="/jobs/{job_id}")

CONFLICT: dict[int | str, dict[str, str]] = {409: {"description": "The job has delivered nothing."}}
_PRIVATE = {"Cache-Control": "private, no-cache"}


async def delivered_job(job_id: str, parts: Parts, caller: Caller) -> tuple[JobSpec, JobManifest]:
    """Return spec and proof of a job that the caller may read the answers of. Raises ``Failure`` 404 or 409."""
    found = await found_job(job_id, parts, caller)
    await require_delivered(found, caller.may_read_answers(found.owner), parts.documents)
    proof = await asyncio.to_thread(parts.documents.proof, job_id)
    if found.spec is None or proof is None:
        raise unknown_job(job_id)  # removed between the two reads
    return found.spec, proof


@router.get("/results", summary="List the delivered files", responses={**CONFLICT})
async def list_results(
    job_id: JobId,
    request: Request,
    parts: PartsDep,
    caller: CallerDep,
    presigned: Annotated[
        bool, Query(description="Addresses of the store, which expire after `gateway.presigned_seconds`.")
    ] = False,
) -> ResultFiles:
    """Name, rows, size and address of each file: answers, and rows without one."""
    spec, proof = await delivered_job(job_id, parts, caller)
    files = await asyncio.to_thread(files_of, spec, proof, parts.store)
    here, seconds = request.scope.get("root_path", "").rstrip("/"), parts.config.gateway.presigned_seconds

    def url(name: str, uri: str) -> str:
        return parts.store.presigned(uri, seconds) if presigned else f"{here}/jobs/{job_id}/results/{quote(name)}"

    return ResultFiles(files=tuple(file.model_copy(update={"url": url(file.name, file.uri)}) for file in files))


@router.get(
    "/results/{name}",
    summary="Download a delivered file",
    response_class=StreamingResponse,
    responses={**CONFLICT, **NOT_MODIFIED, 206: {"description": "The range."}, 416: {"description": "No such range."}},
)
async def download(
    job_id: JobId,
    name: Annotated[str, Path(max_length=200, description="Name of a file in the list of results.")],
    parts: PartsDep,
    caller: CallerDep,
    byte_range: Annotated[str | None, Header(alias="Range", max_length=100)] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Stream one file as it was delivered. One range of bytes may be requested."""
    _, proof = await delivered_job(job_id, parts, caller)
    output = output_named(name, proof)
    info = await asyncio.to_thread(stored_file, output, job_id, parts.store)
    etag = f'"{info.etag}"'
    if has_answer(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag, **_PRIVATE})
    part = span_of(byte_range, info.size)
    span = part or Span(0, info.size)
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Length": str(span.size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        **_PRIVATE,
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{info.size}"
    body = chunks(info, span, parts.store)
    return StreamingResponse(body, 200 if part is None else 206, headers=headers, media_type=type_of(name))


@router.get(
    "/errors",
    summary="Stream the rows that did not succeed",
    response_class=StreamingResponse,
    responses={**CONFLICT, 200: {"content": {TYPES["jsonl"]: {}}, "description": "One JSON object a line."}},
)
async def stream_errors(job_id: JobId, parts: PartsDep, caller: CallerDep) -> Response:
    """One JSON object for each row that failed, expired or was cancelled, as the job's error file has it."""
    spec, proof = await delivered_job(job_id, parts, caller)
    outputs = await asyncio.to_thread(error_outputs, spec, proof)
    files = [await asyncio.to_thread(stored_file, output, job_id, parts.store) for output in outputs]
    return StreamingResponse(error_lines(tuple(files), parts.store), headers=_PRIVATE, media_type=TYPES["jsonl"])
