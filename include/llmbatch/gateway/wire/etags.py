"""ETags of answers, and 304 for a client that has the answer already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection

from fastapi import Response
from pydantic import BaseModel

NOT_MODIFIED: dict[int | str, dict[str, str]] = {304: {"description": "The client has this answer already."}}
"""The answer without a body, as OpenAPI describes it."""

_HEX = 32


def weak_etag(answer: BaseModel, *, without: Collection[str] = (), version: str = "") -> str:
    """Return a weak ETag of an answer.

    Args:
        answer: the body.
        without: fields, at any depth, that change with time alone, such as the hours that are left.
        version: more that the answer depends on.
    """
    body = json.dumps([_cut(answer.model_dump(mode="json"), frozenset(without)), version], sort_keys=True)
    return f'W/"{hashlib.sha256(body.encode()).hexdigest()[:_HEX]}"'


def has_answer(if_none_match: str | None, etag: str) -> bool:
    """Whether the header ``If-None-Match`` names this ETag; ``W/`` makes no difference."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag.removeprefix("W/") in tags or tags == ["*"]


def conditional(answer: BaseModel, etag: str, if_none_match: str | None) -> Response:
    """Return the answer as JSON, or 304 without a body. Caches must ask again each time."""
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if has_answer(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def _cut(value: object, without: frozenset[str]) -> object:
    if isinstance(value, dict):
        return {key: _cut(item, without) for key, item in value.items() if key not in without}
    return [_cut(item, without) for item in value] if isinstance(value, list) else value
