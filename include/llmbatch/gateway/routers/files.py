"""``/v1/files``: the files of OpenAI's API. A file belongs to its user; to all others it does not exist."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from llmbatch.gateway.openai.files import new_file_id, owned_file
from llmbatch.gateway.openai.files_changes import delete_file, store_file
from llmbatch.gateway.openai.files_checks import checked_name, expires_after_of, require_lines, require_purpose
from llmbatch.gateway.openai.files_content import open_content
from llmbatch.gateway.openai.files_form import AROUND_BYTES, read_form
from llmbatch.gateway.openai.files_list import list_files
from llmbatch.gateway.openai.files_outputs import delete_output, is_output_id, readable_output
from llmbatch.gateway.openai.files_slots import UploadSlots
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.openai.files_wire import FileDeleted, FileList, FileObject
from llmbatch.gateway.routers.dependencies import PartsDep, ReaderDep, StarterDep
from llmbatch.gateway.wire.request_body import allow_body

DAY_SECONDS = 86_400

router = APIRouter(tags=["openai"])


def slots_of(request: Request) -> UploadSlots:
    """Return the slots for uploads of the process that serves the request."""
    state = request.app.state
    if not hasattr(state, "upload_slots"):
        state.upload_slots = UploadSlots()
    slots: UploadSlots = state.upload_slots
    return slots


SlotsDep = Annotated[UploadSlots, Depends(slots_of)]


def form_body(part: str, fields: dict[str, dict[str, object]]) -> dict[str, Any]:
    """Return how OpenAPI describes a form that a route reads itself, after it knows its caller."""
    properties = {part: {"type": "string", "format": "binary"}, **fields}
    schema = {"type": "object", "required": [part, *(["purpose"] if fields else [])], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


_FORM = form_body(
    "file",
    {
        "purpose": {"type": "string", "enum": ["batch"]},
        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
        "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2_592_000},
    },
)


@router.post("/v1/files", openapi_extra=_FORM)
async def create_file(request: Request, caller: StarterDep, parts: PartsDep, slots: SlotsDep) -> FileObject:
    """Upload a file with the requests of a batch: JSON lines, up to ``gateway.max_upload_bytes``."""
    gateway = parts.config.gateway
    with slots.held(caller.user), Spool() as spool:
        allow_body(request, gateway.max_upload_bytes + AROUND_BYTES)
        form = await read_form(request, spool, part="file", most=gateway.max_upload_bytes)
        require_purpose(form.fields.get("purpose"))
        expires = expires_after_of(form.fields)
        filename = checked_name(form.filename)
        await asyncio.to_thread(require_lines, spool)
        now = parts.clock.now()
        file = await asyncio.to_thread(
            store_file,
            parts.store,
            parts.config.store.base_uri,
            caller.user,
            new_file_id(now),
            spool,
            filename=filename,
            seconds=expires.seconds if expires else gateway.file_days * DAY_SECONDS,
            now=now,
        )
    return FileObject.of(file)


@router.get("/v1/files")
async def get_files(
    caller: ReaderDep,
    parts: PartsDep,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    after: Annotated[str | None, Query(max_length=100)] = None,
    purpose: Annotated[str | None, Query(max_length=100)] = None,
) -> FileList:
    """List your files: those that you uploaded, and the output and error files of your batches."""
    base, now = parts.config.store.base_uri, parts.clock.now()
    return await asyncio.to_thread(
        list_files, parts.store, base, caller, now, limit=limit, order=order, after=after, purpose=purpose
    )


@router.get("/v1/files/{file_id}")
async def retrieve_file(file_id: str, caller: ReaderDep, parts: PartsDep) -> FileObject:
    """Return one file."""
    store, base, now = parts.store, parts.config.store.base_uri, parts.clock.now()
    if is_output_id(file_id):
        return (await asyncio.to_thread(readable_output, store, base, caller, file_id, now)).shown
    return FileObject.of(await asyncio.to_thread(owned_file, store, base, caller.user, file_id, now))


@router.delete("/v1/files/{file_id}")
async def remove_file(file_id: str, caller: ReaderDep, parts: PartsDep) -> FileDeleted:
    """Delete a file. What a batch delivered into its output folder stays there."""
    store, base, now = parts.store, parts.config.store.base_uri, parts.clock.now()
    if is_output_id(file_id):
        output = await asyncio.to_thread(readable_output, store, base, caller, file_id, now)
        await asyncio.to_thread(delete_output, store, base, output, now)
    else:
        await asyncio.to_thread(delete_file, store, base, caller.user, file_id, now)
    return FileDeleted(id=file_id)


@router.get(
    "/v1/files/{file_id}/content",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def download_file(file_id: str, caller: ReaderDep, parts: PartsDep) -> StreamingResponse:
    """Download a file, byte for byte."""
    store, base, now = parts.store, parts.config.store.base_uri, parts.clock.now()
    content = await asyncio.to_thread(open_content, store, base, caller, file_id, now)
    return StreamingResponse(content.pieces, headers=content.headers(), media_type="application/octet-stream")
