"""Files as OpenAI's API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from llmbatch.gateway.openai.files import StoredFile

_EXAMPLE: JsonDict = {
    "id": "file-0190163d8694d9a1f07a3c52",
    "object": "file",
    "bytes": 1204,
    "created_at": 1796000000,
    "expires_at": 1798592000,
    "filename": "requests.jsonl",
    "purpose": "batch",
    "status": "processed",
    "status_details": None,
}


class FileObject(BaseModel):
    """One file. Times are Unix seconds, the size is in bytes.

    ``status`` and ``status_details`` are deprecated, and clients wait for the first of them: a stored file is complete.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None = None
    filename: str
    purpose: Literal["batch", "batch_output"]
    status: Literal["processed"] = "processed"
    status_details: str | None = None

    @classmethod
    def of(cls, file: StoredFile) -> FileObject:
        """Return an uploaded file."""
        return cls(
            id=file.id,
            bytes=file.bytes,
            created_at=file.created_at,
            expires_at=file.expires_at,
            filename=file.filename,
            purpose=file.purpose,
        )


class FileList(BaseModel):
    """One page of files."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "list",
                    "data": [_EXAMPLE],
                    "first_id": _EXAMPLE["id"],
                    "last_id": _EXAMPLE["id"],
                    "has_more": False,
                }
            ]
        }
    )

    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool

    @classmethod
    def page(cls, found: Sequence[FileObject], limit: int) -> FileList:
        """Return the first ``limit`` of the files; any file after those is only looked at for ``has_more``."""
        data = list(found[:limit])
        return cls(
            data=data,
            first_id=data[0].id if data else None,
            last_id=data[-1].id if data else None,
            has_more=len(found) > limit,
        )


class FileDeleted(BaseModel):
    """The answer to a deletion."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": _EXAMPLE["id"], "object": "file", "deleted": True}]}
    )

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True
