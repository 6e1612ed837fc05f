"""The gateway as a process builds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from llmbatch.core.errors import ConfigError
from llmbatch.core.store import MemoryStore
from llmbatch.gateway import assembly

CONFIG = """
models: {small: {uri: hub/small}}
default_model: small
admins: [root]
store: {base_uri: "s3://b/base", conn_id: the_store}
"""


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "config.yaml").write_text(CONFIG)
    monkeypatch.setenv("LLMBATCH_CONFIG", str(tmp_path / "config.yaml"))
    opened: list[str] = []

    def open_store(conn_id: str, *, note: object, is_polled: bool) -> MemoryStore:
        assert note is None, "the exporter measures the gateway's requests; events are of tasks"
        assert is_polled
        opened.append(conn_id)
        return MemoryStore()

    monkeypatch.setattr(assembly, "open_store", open_store)
    return opened


def api_server() -> FastAPI:
    app = FastAPI()

    @app.get("/ui/auth/me")
    async def me() -> dict[str, str]:
        return {"username": "root"}

    @app.get("/api/v2/monitor/health")
    async def health() -> dict[str, dict[str, str]]:
        return {"scheduler": {"status": "healthy"}}

    return app


def test_inside_of_an_api_server(opened: list[str]) -> None:
    client = TestClient(assembly.inside_of(api_server()))
    assert client.get("/health").json() == {
        "status": "ready", "airflow": {"scheduler": "healthy"}, "store": "healthy"
    }  # fmt: skip
    assert client.get("/keys?user=ann", headers={"Authorization": "Bearer t"}).status_code == 200
    assert opened == ["the_store"]


def test_alone_without_an_api_server(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "airflow_url", lambda _: "http://127.0.0.1:9")
    answer = TestClient(assembly.alone()).get("/health")
    assert (answer.status_code, answer.json()["airflow"]) == (503, {"api_server": "unreachable"})


@pytest.mark.parametrize("build", [assembly.alone, lambda: assembly.inside_of(FastAPI())])
def test_a_wrong_configuration(opened: list[str], build: Callable[[], FastAPI], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("modles: {}")
    with pytest.raises(ConfigError, match="modles"):
        build()
    assert opened == []


def test_the_address_of_the_api_server(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from llmbatch.orchestrator.deployment.settings import load_settings

    config = load_settings()
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow:1/x")
    assert assembly.airflow_url(config) == "http://airflow:1/x"
    named = config.model_copy(update={"gateway": config.gateway.model_copy(update={"airflow_url": "http://a:2"})})
    assert assembly.airflow_url(named) == "http://a:2"
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    assert assembly.airflow_url(config) == assembly.AIRFLOW_URL
