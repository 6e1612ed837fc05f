"""What happens to an upload in parts. All functions block.

A part is an object of its own, so parts need not come in order, and one that is sent twice is two parts. At the end
they are joined on local disk, checked as any new file, and stored as one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from llmbatch.core.errors import ObjectChanged, ObjectExists, ObjectMissing
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.gateway.openai.files import StoredFile, owned_file
from llmbatch.gateway.openai.files_changes import store_file
from llmbatch.gateway.openai.files_checks import require_lines
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.openai.uploads import (
    StoredUpload,
    is_part_id,
    new_part_id,
    owned_upload,
    parts_uri,
    upload_uri,
)
from llmbatch.gateway.wire.failures import Failure

PART_BYTES = 64 * 2**20
"""The most bytes of a part."""
_TIMES_SENT = 4
"""All parts together may have so many times the bytes of the file: a client may send each again after a lost answer."""
_PIECE_BYTES = 2**20


def add_part(store: ObjectStore, base: str, owner: str, upload_id: str, spool: Spool, now: datetime) -> str:
    """Keep a part; return its id.

    Raises:
        Failure: 404 for an unknown upload; 400 for one that has ended, an empty part, or more bytes than it can need.
        StoreError: the store failed.
    """
    upload, _ = owned_upload(store, base, owner, upload_id)
    upload.require_pending(now)
    folder = parts_uri(base, owner, upload_id)
    total = spool.size + sum(info.size for info in store.list(folder))
    if not spool.size or total > _TIMES_SENT * upload.bytes:
        raise Failure(
            400,
            f"The part has {spool.size} bytes, with which upload '{upload_id}' of {upload.bytes} bytes has {total} "
            "bytes in its parts. Send parts that together are the file.",
            param="data",
        )
    part_id = new_part_id(now)
    store.upload(f"{folder}{part_id}", spool.path)
    return part_id


def complete_upload(
    store: ObjectStore,
    base: str,
    owner: str,
    upload_id: str,
    part_ids: Sequence[str],
    md5: str | None,
    spool: Spool,
    now: datetime,
) -> tuple[StoredUpload, StoredFile]:
    """Make the file of an upload; return both. A repeated call finds the file of the first.

    Args:
        store: where uploads are.
        base: ``store.base_uri`` of config.yaml.
        owner: the user.
        upload_id: id as a client sent it.
        part_ids: the parts in the order of the file.
        md5: digest of the file in hexadecimal; None: not compared.
        spool: empty; receives the file.
        now: the time.

    Raises:
        Failure: 404 for an unknown upload; 400 for one that has ended, and for parts that are not the declared file.
        StoreError: the store failed. The call can be repeated.
    """
    upload, etag = owned_upload(store, base, owner, upload_id)
    if upload.status == "completed":
        try:
            return upload, owned_file(store, base, owner, upload.file_id, now)
        except Failure:
            pass  # the first call has not made the file, or it was deleted: then the parts are gone
    else:
        upload.require_pending(now)
    folder = parts_uri(base, owner, upload_id)
    _join(store, upload, _parts(store, folder, upload.part_ids or part_ids), md5, spool)
    require_lines(spool)
    if upload.status == "pending":
        upload = _changed(store, base, owner, upload, etag, {"status": "completed", "part_ids": tuple(part_ids)})
    try:
        file = store_file(
            store, base, owner, upload.file_id, spool, filename=upload.filename, seconds=upload.file_seconds, now=now
        )
    except ObjectExists:  # by another call for the same upload
        file = owned_file(store, base, owner, upload.file_id, now)
    store.delete_many([info.uri for info in store.list(folder)])
    return upload, file


def cancel_upload(store: ObjectStore, base: str, owner: str, upload_id: str, now: datetime) -> StoredUpload:
    """Cancel an upload and remove its parts; return it. A repeated call changes nothing.

    Raises:
        Failure: 404 for an unknown upload; 400 for one that is completed or expired.
        StoreError: the store failed.
    """
    upload, etag = owned_upload(store, base, owner, upload_id)
    if upload.status != "cancelled":
        upload.require_pending(now)
        upload = _changed(store, base, owner, upload, etag, {"status": "cancelled"})
    store.delete_many([info.uri for info in store.list(parts_uri(base, owner, upload_id))])
    return upload


def _parts(store: ObjectStore, folder: str, part_ids: Sequence[str]) -> list[ObjectInfo]:
    there = {info.uri: info for info in store.list(folder)}
    for part_id in part_ids:
        if not is_part_id(part_id) or f"{folder}{part_id}" not in there:
            raise Failure(400, f"No such part of this upload: {shown(part_id, 100)}", param="part_ids")
    return [there[f"{folder}{part_id}"] for part_id in part_ids]


def _join(store: ObjectStore, upload: StoredUpload, parts: Sequence[ObjectInfo], md5: str | None, spool: Spool) -> None:
    size = sum(part.size for part in parts)
    if size != upload.bytes:
        raise Failure(
            400,
            f"The parts have {size} bytes, and upload '{upload.id}' was created for {upload.bytes} bytes. Name all "
            "parts, each once.",
            param="part_ids",
        )
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        try:
            with store.open_stream(part.uri, part.etag) as stream:
                while piece := stream.read(_PIECE_BYTES):
                    digest.update(piece)
                    spool.write(piece)
        except ObjectMissing:  # the upload was cancelled or completed just now
            raise Failure(400, f"The parts of upload '{upload.id}' were removed.", param="part_ids") from None
    if md5 is not None and md5.lower() != digest.hexdigest():
        raise Failure(400, f"The MD5 digest of the parts is {digest.hexdigest()}, not {md5}.", param="md5")


def _changed(
    store: ObjectStore, base: str, owner: str, upload: StoredUpload, etag: str, values: dict[str, object]
) -> StoredUpload:
    """Write an upload with new values. Of a completion and a cancellation at the same time, the first holds."""
    changed = StoredUpload.model_validate(upload.model_dump() | values)
    try:
        store.replace(upload_uri(base, owner, upload.id), changed.model_dump_json().encode(), etag)
    except (ObjectChanged, ObjectMissing):
        raise Failure(
            400, f"Upload '{upload.id}' was completed or cancelled by another request.", param="upload_id"
        ) from None
    return changed
