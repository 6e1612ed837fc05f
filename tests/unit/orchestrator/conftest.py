"""A run of the RayOperator without Ray: its dashboard, the task state store, the context. And recorded metrics."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.events import recorded_events  # noqa: F401 - a fixture
from fakes.ray import FakeRay
from fakes.ray_task import Ti
from fakes.state_store import StateStore
from llmbatch.orchestrator.ray_jobs.hook import RayHook


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setattr(RayHook, "get_conn", lambda self: fake.sync_client())
    return fake


@pytest.fixture
def state() -> StateStore:
    return StateStore()


@pytest.fixture
def context(state: StateStore) -> dict[str, Any]:
    return {"ti": Ti(), "task_state_store": state}
