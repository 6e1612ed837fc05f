"""A run of the RayOperator without Ray: its dashboard, the task state store, the context. And recorded metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes.events import recorded_events  # noqa: F401 - a fixture
from fakes.ray import FakeRay
from fakes.ray_task import Ti
from fakes.state_store import StateStore
from llmbatch.core.config import CONFIG_ENV
from llmbatch.orchestrator.ray_jobs.hook import RayHook

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setattr(RayHook, "get_conn", lambda self: fake.sync_client())
    monkeypatch.setenv(CONFIG_ENV, str(ROOT / "config" / "config.yaml"))
    return fake


@pytest.fixture
def state() -> StateStore:
    return StateStore()


@pytest.fixture
def context(state: StateStore) -> dict[str, Any]:
    return {"ti": Ti(), "task_state_store": state}
