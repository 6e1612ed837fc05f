from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from fakes.exported_jobs import VIEWER, full_gateway, scraped, value
from fakes.gateway import FakeGateway
from llmbatch.core.errors import StoreError
from llmbatch.gateway.access.access import KNOWN_SECONDS
from llmbatch.gateway.metrics.exporter import COLLECT_SECONDS
from llmbatch.gateway.wire.failures import Failure, unavailable


@pytest.fixture
def gateway() -> FakeGateway:
    return full_gateway()[0]


def key_of(gateway: FakeGateway, per_minute: int | None = None) -> dict[str, str]:
    """Return the headers of a viewer's API key."""
    made = gateway.parts.access.keys.make("viewer-prometheus", "prometheus", "n", timedelta(days=30), per_minute)
    return {"Authorization": f"Bearer {asyncio.run(made)[1]}"}


def test_the_answer_is_prometheus_text_that_is_not_kept(gateway: FakeGateway) -> None:
    answer = gateway.client.get("/metrics", headers=VIEWER)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert value(scraped(gateway), "llmbatch_queue_jobs") == 1


def test_prometheus_gets_openmetrics(gateway: FakeGateway) -> None:
    accept = {"Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"}
    answer = gateway.client.get("/metrics", headers={**VIEWER, **accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"llmbatch_jobs", "llmbatch_exporter_errors", "llmbatch_gateway_store_request_duration_seconds"} <= names


def test_the_route_works_below_a_mount(gateway: FakeGateway) -> None:
    mounted = TestClient(gateway.client.app, root_path="/llmbatch")
    assert mounted.get("/llmbatch/metrics", headers=VIEWER).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}])
def test_a_caller_is_needed(gateway: FakeGateway, headers: dict[str, str]) -> None:
    assert gateway.client.get("/metrics", headers=headers).status_code == 401


def test_a_caller_who_may_not_read_the_jobs_is_refused(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise Failure(403, "Airflow refuses this.")

    assert gateway.client.get("/metrics", headers=VIEWER).status_code == 200
    monkeypatch.setattr(gateway.airflow, "runs", refuse)
    gateway.clock.advance(COLLECT_SECONDS)
    assert gateway.client.get("/metrics", headers=VIEWER).status_code == 403


def test_a_key_may_scrape_four_times_a_minute_and_a_usual_one_much_more(gateway: FakeGateway) -> None:
    headers = key_of(gateway, per_minute=4)
    assert [gateway.client.get("/metrics", headers=headers).status_code for _ in range(4)] == [200] * 4
    assert gateway.client.get("/metrics", headers=headers).status_code == 429
    plain = key_of(gateway)
    assert {gateway.client.get("/metrics", headers=plain).status_code for _ in range(240)} == {200}


@pytest.mark.parametrize("part", ["airflow", "store"])
def test_known_callers_scrape_while_a_part_does_not_work(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    known, unknown = key_of(gateway), key_of(gateway)
    assert gateway.client.get("/metrics", headers=known).status_code == 200

    async def no_airflow(*_: object, **__: object) -> None:
        raise unavailable("Airflow does not answer.")

    def no_store(uri: str) -> None:
        raise StoreError("down")

    for method in ("user_name", "runs") if part == "airflow" else ("get", "get_aged", "list", "head"):
        target = gateway.airflow if part == "airflow" else gateway.store
        monkeypatch.setattr(target, method, no_airflow if part == "airflow" else no_store)
    gateway.clock.advance(60)
    assert gateway.client.get("/metrics", headers=known).status_code == 200
    assert gateway.client.get("/metrics", headers=unknown).status_code == 503
    assert gateway.client.get("/queue", headers=known).status_code == 503
    gateway.clock.advance(KNOWN_SECONDS)
    assert gateway.client.get("/metrics", headers=known).status_code == 503


def test_a_revoked_key_ends_within_seconds(gateway: FakeGateway) -> None:
    headers = key_of(gateway)
    assert gateway.client.get("/metrics", headers=headers).status_code == 200
    gateway.parts.access.keys.revoke(headers["Authorization"].split("_")[1])
    assert gateway.client.get("/metrics", headers=headers).status_code == 401
