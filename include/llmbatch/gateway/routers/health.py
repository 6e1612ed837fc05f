"""``GET /health``: live and ready, by dependency."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Literal

from cachetools import TTLCache
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.gateway_layout import gateway_uri
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.routers.dependencies import PartsDep

KNOWN_SECONDS = 2.0
"""How long the state of the store is remembered: anyone may read it."""

STORE_SECONDS = 5.0
"""How long the store may take to answer."""

StoreState = Literal["healthy", "unreachable"]

_log = logging.getLogger(__name__)
router = APIRouter(tags=["service"])


class Health(BaseModel):
    """The state of the gateway and of what it needs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "ready", "airflow": {"metadatabase": "healthy"}, "store": "healthy"}]
        }
    )

    status: Literal["ready", "degraded"]
    airflow: Annotated[dict[str, str], Field(description="healthy, unhealthy or unreachable, by part of Airflow")]
    store: StoreState


@router.get("/health", responses={503: {"model": Health, "description": "A dependency does not work."}})
async def health(request: Request, parts: PartsDep, response: Response) -> Health:
    """Return the state of each dependency; 503 if one of them does not work. Needs no user."""
    seen: TTLCache[str, StoreState] = request.app.state.store_health
    folder = gateway_uri(parts.config.store.base_uri)
    airflow, store = await asyncio.gather(parts.airflow.health(), _store(parts.store, folder, seen))
    ready = store == "healthy" and all(state == "healthy" for state in airflow.values())
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    return Health(status="ready" if ready else "degraded", airflow=airflow, store=store)


async def _store(store: ObjectStore, folder: str, seen: TTLCache[str, StoreState]) -> StoreState:
    """Look for one object that need not exist, once in ``KNOWN_SECONDS``."""
    if (known := seen.get(folder)) is not None:
        return known
    state: StoreState = "healthy"
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await asyncio.to_thread(store.head, f"{folder}health")
    except ObjectMissing:
        pass
    except (StoreError, TimeoutError) as error:
        _log.warning("event=store_not_healthy error=%s", shown(str(error) or f"no answer in {STORE_SECONDS:g} s"))
        state = "unreachable"
    seen[folder] = state
    return state
