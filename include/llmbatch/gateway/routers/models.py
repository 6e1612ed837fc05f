"""``/v1/models``: the models of config.yaml."""

from __future__ import annotations

from fastapi import APIRouter

from llmbatch.gateway.openai.models import ModelList, ModelObject, served_model, served_models
from llmbatch.gateway.routers.dependencies import PartsDep, ReaderDep

router = APIRouter(tags=["openai"])


@router.get("/v1/models")
async def list_models(parts: PartsDep, _: ReaderDep) -> ModelList:
    """List the models and adapters of config.yaml."""
    return served_models(parts.config)


@router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, parts: PartsDep, _: ReaderDep) -> ModelObject:
    """Return one model; its name may have slashes."""
    return served_model(parts.config, model)
