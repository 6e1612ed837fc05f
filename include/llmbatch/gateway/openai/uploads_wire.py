"""Uploads in parts as OpenAI's API has them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from llmbatch.gateway.openai.files import StoredFile
from llmbatch.gateway.openai.files_checks import ExpiresAfter
from llmbatch.gateway.openai.files_wire import FileObject
from llmbatch.gateway.openai.uploads import StoredUpload

_ID = "0190163d8694d9a1f07a3c52"
_EXAMPLE: JsonDict = {
    "id": f"upload_{_ID}",
    "object": "upload",
    "bytes": 1204,
    "created_at": 1796000000,
    "expires_at": 1796003600,
    "filename": "requests.jsonl",
    "purpose": "batch",
    "status": "pending",
    "file": None,
}


class UploadRequest(BaseModel):
    """The file that the parts will be. ``bytes`` is its whole size."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {"bytes": 1204, "filename": "requests.jsonl", "mime_type": "application/jsonl", "purpose": "batch"}
            ]
        },
    )

    bytes: Annotated[int, Field(ge=1)]
    filename: Annotated[str, Field(max_length=1024)]
    mime_type: Annotated[str, Field(max_length=256)]
    purpose: Annotated[str, Field(max_length=256)]
    expires_after: ExpiresAfter | None = None


class CompleteRequest(BaseModel):
    """The parts in the order of the file, and the MD5 digest of the file in hexadecimal."""

    model_config = ConfigDict(
        extra="ignore", json_schema_extra={"examples": [{"part_ids": [f"part_{_ID}"], "md5": None}]}
    )

    part_ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=10_000)]
    md5: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{32}$")] | None = None


class UploadObject(BaseModel):
    """One upload. Times are Unix seconds."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    object: Literal["upload"] = "upload"
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: Literal["batch"]
    status: Literal["pending", "completed", "cancelled", "expired"]
    file: FileObject | None = None

    @classmethod
    def of(cls, upload: StoredUpload, now: datetime, file: StoredFile | None = None) -> UploadObject:
        """Return an upload as it is now, with its file once that is made."""
        return cls(
            id=upload.id,
            bytes=upload.bytes,
            created_at=upload.created_at,
            expires_at=upload.expires_at,
            filename=upload.filename,
            purpose=upload.purpose,
            status=upload.status_at(now),
            file=None if file is None else FileObject.of(file),
        )


class UploadPart(BaseModel):
    """One part. The time is in Unix seconds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": f"part_{_ID}",
                    "object": "upload.part",
                    "created_at": 1796000000,
                    "upload_id": f"upload_{_ID}",
                }
            ]
        }
    )

    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str
