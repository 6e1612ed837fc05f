"""The model cache of a test is a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmbatch.cluster.models import model_cache


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "cache"
    monkeypatch.setenv(model_cache.CACHE_ENV, str(root))
    return root
