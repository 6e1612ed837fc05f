"""Models by hub id."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmbatch.cluster.models import hub_model
from llmbatch.core.errors import ModelError


def test_hub_model_that_is_nowhere_fails_fast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    limits: list[float] = []

    def unreachable(_api: object, _model: str, *, timeout: float) -> None:
        limits.append(timeout)
        raise ConnectionError("no route")

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    with pytest.raises(ModelError, match="hub cannot be reached"):
        hub_model.hub_model("some-org/no-such-model")
    assert len(limits) == 1, "requested again"
    assert limits[0] <= 5
