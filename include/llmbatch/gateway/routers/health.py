"""``GET /health``: live and ready, by dependency."""

from __future__ import annotations

from fastapi import APIRouter

from llmbatch.gateway.routers.dependencies import PartsDep

router = APIRouter(tags=["service"])


@router.get("/health")
async def health(parts: PartsDep) -> dict[str, object]:
    """Return the state of each dependency."""
    return {"airflow": await parts.airflow.health()}
