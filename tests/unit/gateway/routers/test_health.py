"""``GET /health``."""

from __future__ import annotations

import pytest

from fakes.gateway import FakeAirflow, FakeGateway, fake_gateway
from llmbatch.core.errors import StoreError
from llmbatch.core.store import ObjectInfo
from llmbatch.gateway.routers.health import Health


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


def test_ready(gateway: FakeGateway) -> None:
    answer = gateway.client.get("/health")
    assert (answer.status_code, answer.json()["status"], answer.json()["store"]) == (200, "ready", "healthy")
    assert answer.json()["airflow"]["scheduler"] == "healthy"


def test_an_unhealthy_part_of_airflow(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def health(_: FakeAirflow) -> dict[str, str]:
        return {"metadatabase": "healthy", "scheduler": "unhealthy"}

    monkeypatch.setattr(FakeAirflow, "health", health)
    answer = gateway.client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
    assert answer.headers["retry-after"] == "5"


def test_a_store_that_fails_shows_no_address_but_the_log_says_why(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def head(uri: str) -> ObjectInfo:
        raise StoreError(f"{uri}: access denied")

    monkeypatch.setattr(gateway.store, "head", head)
    answer = gateway.client.get("/health")
    assert (answer.status_code, answer.json()["store"]) == (503, "unreachable")
    assert "s3://" not in answer.text
    assert "denied" not in answer.text
    assert "event=store_not_healthy error=s3://" in caplog.text
    assert "health: access denied" in caplog.text


def test_the_store_is_looked_at_once_in_some_seconds(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def head(uri: str) -> ObjectInfo:
        looks.append(uri)
        raise StoreError("down")

    monkeypatch.setattr(gateway.store, "head", head)
    assert [gateway.client.get("/health").status_code for _ in range(5)] == [503] * 5
    assert len(looks) == 1


def test_examples_are_valid() -> None:
    for example in Health.model_json_schema()["examples"]:
        Health.model_validate(example)
