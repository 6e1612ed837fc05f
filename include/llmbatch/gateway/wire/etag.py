"""Answers that a client need not read twice: ETag and 304."""

from __future__ import annotations

import hashlib

from fastapi import Request, Response
from pydantic import BaseModel

HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
"""A client may keep the answer, and must check it before each use."""


def tagged(request: Request, document: BaseModel) -> Response:
    """Return a document as JSON with its ETag, or 304 without a body if the client has this version."""
    body = document.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**HEADERS, "ETag": tag}
    if _has(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _has(known: list[str], tag: str) -> bool:
    """Return whether one of the client's tags is ``tag``; a proxy that compresses makes it a weak one."""
    given = {one.strip().removeprefix("W/") for line in known for one in line.split(",")}
    return "*" in given or tag in given
