"""Adapters on this node."""

from __future__ import annotations

import pytest

from llmbatch.cluster.models.adapters import fetch_adapters
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.errors import ConfigError
from llmbatch.core.store import MemoryStore


def test_without_adapters_there_is_nothing_to_fetch() -> None:
    assert fetch_adapters({}, EngineKind.VLLM, MemoryStore()) == {}
    assert fetch_adapters({"a": "s3://b/a/"}, EngineKind.ECHO, MemoryStore()) == {}
    with pytest.raises(ConfigError, match="adapters a"):
        fetch_adapters({"a": "s3://b/a/"}, EngineKind.VLLM, MemoryStore())
