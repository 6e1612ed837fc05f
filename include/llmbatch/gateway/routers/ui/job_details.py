"""``/ui/jobs/{job_id}/…``: errors, files, documents and first rows of one job."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.lookup import FoundJob, polled_job
from llmbatch.gateway.pages.job.documents import manifest_text, spec_text
from llmbatch.gateway.pages.job.errors import read_groups
from llmbatch.gateway.pages.job.files import JobFiles, job_files
from llmbatch.gateway.pages.job.links import elsewhere, grafana_link
from llmbatch.gateway.pages.job.preview import Side, preview
from llmbatch.gateway.pages.pages import fragment
from llmbatch.gateway.parts import Parts
from llmbatch.gateway.routers.dependencies import JobId, PartsDep, ReaderDep
from llmbatch.gateway.routers.ui.view import ViewDep
from llmbatch.gateway.wire.failures import unknown_job

router = APIRouter(prefix="/ui/jobs/{job_id}", include_in_schema=False)


@router.get("/errors")
async def errors(job_id: JobId, request: Request, view: ViewDep, caller: ReaderDep, parts: PartsDep) -> Response:
    """Return the rows that did not succeed, by class."""
    found = await _found(job_id, caller, parts)
    may_read = caller.may_read_answers(found.owner)
    groups = await asyncio.to_thread(
        read_groups, found, parts.documents, parts.job_readings, parts.clock.now(), may_read=may_read
    )
    is_over = found.run.is_over
    return fragment(
        "job_errors.html", view, request, groups=groups, may_read=may_read, owner=found.owner, is_over=is_over
    )


@router.get("/files")
async def files(job_id: JobId, request: Request, view: ViewDep, caller: ReaderDep, parts: PartsDep) -> Response:
    """Return input objects, delivered files, and links to other pages."""
    found = await _found(job_id, caller, parts)
    links = await elsewhere(found.run, found.spec, view.airflow_url, parts.airflow, caller.authorization)
    listed = await asyncio.to_thread(_files, found, view.root, caller, parts)
    grafana = grafana_link(parts.config.monitoring.grafana_url, found.job_id, found.run)
    return fragment("job_files.html", view, request, found=found, files=listed, links=links, grafana=grafana)


@router.get("/documents")
async def documents(job_id: JobId, request: Request, view: ViewDep, caller: ReaderDep, parts: PartsDep) -> Response:
    """Return spec and manifest."""
    found = await _found(job_id, caller, parts)
    if found.spec is None:
        raise unknown_job(found.job_id)
    proof = await asyncio.to_thread(parts.documents.proof, found.job_id)
    return fragment(
        "job_documents.html",
        view,
        request,
        spec=spec_text(found.spec, may_read=caller.may_read_answers(found.owner)),
        manifest=None if proof is None else manifest_text(proof),
    )


@router.get("/rows/{side}")
async def rows(
    job_id: JobId, side: Side, request: Request, view: ViewDep, caller: ReaderDep, parts: PartsDep
) -> Response:
    """Return the first rows of the input or of the output. For the owner of the job and admins."""
    found = await _found(job_id, caller, parts)
    if found.spec is None or not caller.may_read_answers(found.owner):
        raise unknown_job(found.job_id)
    shown = await asyncio.to_thread(preview, side, found.spec, parts.store)
    return fragment("job_rows.html", view, request, preview=shown, side=side.value)


async def _found(job_id: str, caller: Caller, parts: Parts) -> FoundJob:
    return await polled_job(job_id, caller.authorization, parts.airflow, parts.documents, parts.known_runs)


def _files(found: FoundJob, root: str, caller: Caller, parts: Parts) -> JobFiles | None:
    """Return the files of an accepted job. Blocks."""
    spec = found.spec
    if spec is None:
        return None
    proof, may_read = parts.documents.proof(spec.job_id), caller.may_read_answers(found.owner)
    return job_files(spec, proof, parts.job_readings.inputs(spec), parts.store, root, may_read=may_read)
