"""Making and removing the files of a user. All functions block."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Literal

from llmbatch.core.store import ObjectStore
from llmbatch.gateway.openai.files import StoredFile, content_uri, document_uri, owned_file
from llmbatch.gateway.openai.files_spool import Spool

_log = logging.getLogger(__name__)


def store_file(
    store: ObjectStore,
    base: str,
    owner: str,
    file_id: str,
    spool: Spool,
    *,
    filename: str,
    seconds: int,
    now: datetime,
    purpose: Literal["batch"] = "batch",
) -> StoredFile:
    """Keep an upload as a file, which exists when this returns.

    Args:
        store: where files are.
        base: ``store.base_uri`` of config.yaml.
        owner: the user.
        file_id: a new id.
        spool: the content, checked.
        filename: as ``checked_name`` returned it.
        seconds: from ``now`` until the file expires.
        now: the time.
        purpose: of the file.

    Raises:
        ObjectExists: there is a file with this id.
        StoreError: the store failed. Content without a document may remain; it is not a file.
    """
    content = store.upload(content_uri(base, owner, file_id), spool.path)
    made_at = int(now.timestamp())
    file = StoredFile(
        id=file_id,
        filename=filename,
        purpose=purpose,
        bytes=spool.size,
        created_at=made_at,
        expires_at=made_at + seconds,
        sha256=spool.sha256,
        etag=content.etag,
    )
    store.create(document_uri(base, owner, file_id), file.model_dump_json().encode())
    _log.info("event=file_stored file=%s bytes=%d", file_id, file.bytes)
    return file


def delete_file(store: ObjectStore, base: str, owner: str, file_id: str, now: datetime) -> None:
    """Remove a file: the document, with which it ends to exist, then the content.

    Raises:
        Failure: 404, see ``owned_file``.
        StoreError: the store failed.
    """
    owned_file(store, base, owner, file_id, now)
    store.delete(document_uri(base, owner, file_id))
    store.delete(content_uri(base, owner, file_id))
    _log.info("event=file_deleted file=%s", file_id)
