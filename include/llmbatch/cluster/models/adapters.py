"""LoRA adapters on this node."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import ConfigError
from llmbatch.core.store import ObjectStore


def fetch_adapters(adapters: Mapping[str, str], kind: EngineKind, store: ObjectStore) -> dict[str, Path]:
    """Return the folder of each adapter by its name.

    Args:
        adapters: address of each adapter by its name.
        kind: the engine; the fake one needs no folders.
        store: where addresses on S3 are read.

    Raises:
        ConfigError: there are adapters.
    """
    if adapters and kind is not EngineKind.ECHO:
        raise ConfigError(f"adapters {', '.join(adapters)} of {store!r} cannot be fetched")
    return {}
