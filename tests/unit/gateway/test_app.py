"""The application over a memory store and a fake Airflow."""

from __future__ import annotations

from fakes.gateway import fake_gateway


def test_health_needs_no_caller() -> None:
    answer = fake_gateway().client.get("/health")
    assert (answer.status_code, answer.json()["airflow"]["scheduler"]) == (200, "healthy")
