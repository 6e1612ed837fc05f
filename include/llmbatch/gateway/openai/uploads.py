"""Uploads in parts: for an hour, parts can be sent that become one file. All are in the folder of their owner."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.gateway_layout import files_uri
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.gateway.openai.files import LONGEST_NAME, new_file_id
from llmbatch.gateway.wire.failures import Failure

LIFETIME_SECONDS = 3600

_UPLOAD_ID = re.compile(r"upload_[0-9a-f]{24}", re.ASCII)
_PART_ID = re.compile(r"part_[0-9a-f]{24}", re.ASCII)


class StoredUpload(BaseModel):
    """The document of one upload. Its file has the same digits in its id, so that it is made once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    id: Annotated[str, Field(pattern=rf"^{_UPLOAD_ID.pattern}$")]
    bytes: Annotated[int, Field(ge=1)]
    """Of the whole file, as the client declared them."""
    created_at: Annotated[int, Field(ge=0)]
    filename: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    purpose: Literal["batch"]
    file_seconds: Annotated[int, Field(ge=1)]
    """From the completion until the file expires."""
    status: Literal["pending", "completed", "cancelled"]
    part_ids: tuple[str, ...] = ()
    """Of a completed upload, in the order of the file: a repeated completion makes the same one."""

    @property
    def expires_at(self) -> int:
        """Until when parts can be added, in Unix seconds."""
        return self.created_at + LIFETIME_SECONDS

    @property
    def file_id(self) -> str:
        """The id of its file."""
        return f"file-{self.id.removeprefix('upload_')}"

    def status_at(self, now: datetime) -> Literal["pending", "completed", "cancelled", "expired"]:
        """Return the status as the API shows it."""
        is_expired = self.status == "pending" and self.expires_at <= now.timestamp()
        return "expired" if is_expired else self.status

    def require_pending(self, now: datetime) -> None:
        """Raise ``Failure`` 400 for an upload that has ended."""
        status = self.status_at(now)
        if status != "pending":
            raise Failure(400, f"Upload '{self.id}' is {status}. Create another one.", param="upload_id")


def new_upload_id(now: datetime) -> str:
    """Return ``upload_`` and the digits of a new file."""
    return f"upload_{new_file_id(now).removeprefix('file-')}"


def new_part_id(now: datetime) -> str:
    """Return ``part_``, 12 hex digits of the milliseconds since 1970, 12 random ones."""
    return f"part_{int(now.timestamp() * 1000):012x}{secrets.token_hex(6)}"


def upload_uri(base: str, owner: str, upload_id: str) -> str:
    """Return the address of the document of an upload."""
    return f"{files_uri(base, owner)}uploads/{upload_id}.json"


def parts_uri(base: str, owner: str, upload_id: str) -> str:
    """Return the folder of the parts of an upload."""
    return f"{files_uri(base, owner)}uploads/{upload_id}/"


def is_part_id(text: str) -> bool:
    """Whether a text has the form of the id of a part."""
    return _PART_ID.fullmatch(text) is not None


def owned_upload(store: ObjectStore, base: str, owner: str, upload_id: str) -> tuple[StoredUpload, str]:
    """Return an upload of a user, and the ETag of its document.

    Raises:
        Failure: 404 for an upload that is unknown or another user's.
        StoreError: the store failed.
    """
    if _UPLOAD_ID.fullmatch(upload_id) is not None:
        uri = upload_uri(base, owner, upload_id)
        try:
            # If the document is replaced between the two requests, the ETag is the older one, which is refused later.
            etag = store.head(uri).etag
            return read_document(StoredUpload, store.get(uri)), etag
        except (ObjectMissing, ValueError):
            pass
    raise Failure(404, f"No such Upload object: {shown(upload_id, 100)}", param="upload_id")
