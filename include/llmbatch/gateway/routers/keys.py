"""``/keys``: API keys for services and SDKs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.access.key_document import KEY_ID_PATTERN, KeyDocument
from llmbatch.gateway.routers.dependencies import CallerDep, PartsDep
from llmbatch.gateway.wire.failures import Failure

router = APIRouter(prefix="/keys", tags=["keys"])


class KeyRequest(BaseModel):
    """A key to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "nightly evaluation", "days": 30, "requests_per_minute": 120}]},
    )

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """What the key is for."""
    days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """Days until it expires; null: as many as ``gateway.key_days`` of config.yaml, which is also the most."""
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Null: ``gateway.requests_per_minute`` of config.yaml, which is also the most."""


class KeyShown(BaseModel):
    """A key without its secret."""

    key_id: str
    name: str
    user: str
    requests_per_minute: int
    made_at: AwareDatetime
    expires_at: AwareDatetime
    expired: bool


class NewKey(KeyShown):
    """A key that was just made."""

    key: str
    """What a client sends as ``Authorization: Bearer <key>``. It is shown here only."""


class KeyList(BaseModel):
    """Keys, the newest first."""

    keys: list[KeyShown]


class KeyRevoked(BaseModel):
    """Answer of ``DELETE``."""

    key_id: str
    revoked: bool = True


@router.post("", status_code=201)
async def make_key(body: KeyRequest, parts: PartsDep, caller: CallerDep) -> NewKey:
    """Make an API key that acts with your rights in Airflow. An API key cannot make keys."""
    if caller.key_id is not None:
        raise Failure(
            403,
            "An API key cannot make API keys. Use a token of Airflow.",
            type="permission_error",
            code="forbidden",
        )
    limits = parts.config.gateway
    _refuse_more("days", body.days, limits.key_days, "gateway.key_days")
    _refuse_more(
        "requests_per_minute", body.requests_per_minute, limits.requests_per_minute, "gateway.requests_per_minute"
    )
    document, text = await parts.access.keys.make(
        caller.authorization.removeprefix("Bearer "),
        caller.user,
        body.name,
        timedelta(days=body.days or limits.key_days),
        body.requests_per_minute,
    )
    return NewKey(**_shown(document, parts).model_dump(), key=text)


@router.get("")
async def list_keys(
    parts: PartsDep,
    caller: CallerDep,
    user: Annotated[str | None, Query(max_length=250, description="Only keys of this user; for admins.")] = None,
) -> KeyList:
    """List your keys; an admin of config.yaml sees those of all users."""
    if user not in {None, caller.user} and not caller.is_admin:
        raise Failure(
            403,
            "Only users in `admins` of config.yaml may list the keys of others.",
            type="permission_error",
            param="user",
            code="forbidden",
        )
    wanted = user or (None if caller.is_admin else caller.user)
    found = await asyncio.to_thread(lambda: list(_of(parts.access.keys.all(), wanted)))
    newest_first = sorted(found, key=lambda document: (document.made_at, document.key_id), reverse=True)
    return KeyList(keys=[_shown(document, parts) for document in newest_first])


@router.delete("/{key_id}")
async def revoke_key(
    key_id: Annotated[str, Path(pattern=f"^{KEY_ID_PATTERN}$", examples=["0123456789abcdef"])],
    parts: PartsDep,
    caller: CallerDep,
) -> KeyRevoked:
    """Revoke one of your keys; an admin of config.yaml revokes any. It ends within five seconds."""
    document = await asyncio.to_thread(parts.access.keys.get, key_id)
    if document is None or not _may_revoke(caller, document):
        raise Failure(404, f"You have no API key {key_id}. GET /keys lists your keys.", code="key_not_found")
    await asyncio.to_thread(parts.access.keys.revoke, key_id)
    return KeyRevoked(key_id=key_id)


def _may_revoke(caller: Caller, document: KeyDocument) -> bool:
    return caller.is_admin or document.user == caller.user


def _of(documents: Iterator[KeyDocument], user: str | None) -> Iterator[KeyDocument]:
    return (document for document in documents if user is None or document.user == user)


def _refuse_more(field: str, given: int | None, most: int, setting: str) -> None:
    if given is not None and given > most:
        raise Failure(
            400, f"{field}: {given} is more than {setting} of config.yaml, {most}.", param=field, code="invalid_value"
        )


def _shown(document: KeyDocument, parts: PartsDep) -> KeyShown:
    return KeyShown(
        key_id=document.key_id,
        name=document.name,
        user=document.user,
        requests_per_minute=document.requests_per_minute or parts.config.gateway.requests_per_minute,
        made_at=document.made_at,
        expires_at=document.expires_at,
        expired=document.is_expired(parts.clock.now()),
    )
