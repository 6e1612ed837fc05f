"""``GET /health``: live and ready, by dependency."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.layout import gateway_uri
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.routers.dependencies import PartsDep

STORE_SECONDS = 5.0
"""How long the store may take to answer."""

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
    store: Literal["healthy", "unreachable"]


@router.get("/health", responses={503: {"model": Health, "description": "A dependency does not work."}})
async def health(parts: PartsDep, response: Response) -> Health:
    """Return the state of each dependency; 503 if one of them does not work. Needs no user."""
    airflow, store = await asyncio.gather(
        parts.airflow.health(), _store(parts.store, gateway_uri(parts.config.store.base_uri))
    )
    ready = store == "healthy" and all(state == "healthy" for state in airflow.values())
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    return Health(status="ready" if ready else "degraded", airflow=airflow, store=store)


async def _store(store: ObjectStore, folder: str) -> Literal["healthy", "unreachable"]:
    """Look for one object that need not exist."""
    try:
        async with asyncio.timeout(STORE_SECONDS):
            await asyncio.to_thread(store.head, f"{folder}health")
    except ObjectMissing:
        return "healthy"
    except (StoreError, TimeoutError):
        return "unreachable"
    return "healthy"
