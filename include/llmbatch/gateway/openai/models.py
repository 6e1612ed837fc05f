"""The models that a batch may name."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from llmbatch.core.config import Config
from llmbatch.core.shown import shown
from llmbatch.gateway.wire.failures import Failure

_EXAMPLE: JsonDict = {"id": "small", "object": "model", "created": 0, "owned_by": "llmbatch", "shutdown_date": None}


class ModelObject(BaseModel):
    """One model, or one adapter of a model.

    ``created`` is always 0: config.yaml has no time for a model, and clients need a number.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "llmbatch"
    shutdown_date: str | None = None


class ModelList(BaseModel):
    """All models of the deployment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"object": "list", "data": [_EXAMPLE]}]})

    object: Literal["list"] = "list"
    data: list[ModelObject]


def served_models(config: Config) -> ModelList:
    """Return the models of config.yaml, each before its adapters."""
    names = [each for name, model in config.models.items() for each in (name, *model.adapters)]
    return ModelList(data=[ModelObject(id=name) for name in names])


def served_model(config: Config, name: str) -> ModelObject:
    """Return one of them. Raises ``Failure`` 404."""
    for model in served_models(config).data:
        if model.id == name:
            return model
    raise Failure(
        404,
        f"The model '{shown(name, 100)}' does not exist or you do not have access to it. GET /v1/models lists the "
        "models.",
        param="model",
        code="model_not_found",
    )
