"""Chooses the engine that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from llmbatch.cluster.engines.base import Engine, Media
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.core.engine_settings import EngineKind, EngineSettings
from llmbatch.core.serving import Serving


def make_engine(
    settings: EngineSettings,
    serving: Serving,
    model_path: str,
    revision: str | None = None,
    adapters: Mapping[str, Path] | None = None,
    media: Media | None = None,
) -> Engine:
    """Return an engine that is not started yet.

    Args:
        settings: engine settings of the job.
        serving: what the model serves.
        model_path: folder of the model, or its hub id.
        revision: commit of a hub id; None for a folder.
        adapters: folder of each LoRA adapter by its name.
        media: reads images and audio that requests name; None: requests hold them.
    """
    if settings.kind is EngineKind.ECHO:
        return EchoEngine(settings.echo, serving, settings.max_model_len)
    from llmbatch.cluster.engines.vllm.engine import VllmEngine

    return VllmEngine(settings, serving, model_path, revision, adapters, media)
