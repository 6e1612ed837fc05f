"""Chooses the engine that the settings name."""

from __future__ import annotations

from llmbatch.cluster.engines.base import Engine
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.core.engine_settings import EngineKind, EngineSettings


def make_engine(settings: EngineSettings, model_path: str, revision: str | None = None) -> Engine:
    """Return an engine that is not started yet. ``revision`` is the commit of a hub id, None for a folder."""
    if settings.kind is EngineKind.ECHO:
        return EchoEngine(settings.echo, settings.max_model_len)
    from llmbatch.cluster.engines.vllm import VllmEngine

    return VllmEngine(settings, model_path, revision)
