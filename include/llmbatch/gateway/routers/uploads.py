"""``/v1/uploads``: a file in parts, as SDKs send large ones."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request

from llmbatch.gateway.openai.files_checks import checked_name, require_purpose
from llmbatch.gateway.openai.files_form import AROUND_BYTES, read_form, too_large
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.openai.uploads import StoredUpload, new_upload_id, owned_upload, upload_uri
from llmbatch.gateway.openai.uploads_changes import PART_BYTES, add_part, cancel_upload, complete_upload
from llmbatch.gateway.openai.uploads_wire import CompleteRequest, UploadObject, UploadPart, UploadRequest
from llmbatch.gateway.routers.dependencies import PartsDep, ReaderDep, StarterDep
from llmbatch.gateway.routers.files import DAY_SECONDS, SlotsDep, form_body
from llmbatch.gateway.wire.request_body import allow_body

router = APIRouter(tags=["openai"])


@router.post("/v1/uploads")
async def create_upload(body: UploadRequest, caller: StarterDep, parts: PartsDep) -> UploadObject:
    """Begin an upload in parts. It can be completed for an hour."""
    gateway, base = parts.config.gateway, parts.config.store.base_uri
    require_purpose(body.purpose)
    if body.bytes > gateway.max_upload_bytes:
        raise too_large(gateway.max_upload_bytes, "bytes")
    now = parts.clock.now()
    upload = StoredUpload(
        id=new_upload_id(now),
        bytes=body.bytes,
        created_at=int(now.timestamp()),
        filename=checked_name(body.filename),
        purpose="batch",
        file_seconds=body.expires_after.seconds if body.expires_after else gateway.file_days * DAY_SECONDS,
        status="pending",
    )
    document = upload.model_dump_json().encode()
    await asyncio.to_thread(parts.store.create, upload_uri(base, caller.user, upload.id), document)
    return UploadObject.of(upload, now)


@router.post("/v1/uploads/{upload_id}/parts", openapi_extra=form_body("data", {}))
async def add_upload_part(
    upload_id: str, request: Request, caller: ReaderDep, parts: PartsDep, slots: SlotsDep
) -> UploadPart:
    """Add a part of at most 64 MiB."""
    store, base, user = parts.store, parts.config.store.base_uri, caller.user
    with slots.held(user), Spool() as spool:
        upload, _ = await asyncio.to_thread(owned_upload, store, base, user, upload_id)
        upload.require_pending(parts.clock.now())
        most = min(PART_BYTES, parts.config.gateway.max_upload_bytes)
        allow_body(request, most + AROUND_BYTES)
        await read_form(request, spool, part="data", most=most)
        now = parts.clock.now()
        part_id = await asyncio.to_thread(add_part, store, base, user, upload_id, spool, now)
    return UploadPart(id=part_id, created_at=int(now.timestamp()), upload_id=upload_id)


@router.post("/v1/uploads/{upload_id}/complete")
async def finish_upload(
    upload_id: str, body: CompleteRequest, caller: ReaderDep, parts: PartsDep, slots: SlotsDep
) -> UploadObject:
    """Make the file of the parts, in the order of their ids."""
    store, base, now = parts.store, parts.config.store.base_uri, parts.clock.now()
    with slots.held(caller.user), Spool() as spool:
        upload, file = await asyncio.to_thread(
            complete_upload, store, base, caller.user, upload_id, body.part_ids, body.md5, spool, now
        )
    return UploadObject.of(upload, now, file)


@router.post("/v1/uploads/{upload_id}/cancel")
async def stop_upload(upload_id: str, caller: ReaderDep, parts: PartsDep) -> UploadObject:
    """Cancel an upload and remove its parts."""
    store, base, now = parts.store, parts.config.store.base_uri, parts.clock.now()
    return UploadObject.of(await asyncio.to_thread(cancel_upload, store, base, caller.user, upload_id, now), now)
