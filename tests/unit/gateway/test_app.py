"""The application over a memory store and a fake Airflow."""

from __future__ import annotations

import pytest

from fakes.gateway import fake_gateway


def test_health_needs_no_caller() -> None:
    answer = fake_gateway().client.get("/health")
    assert (answer.status_code, answer.json()["airflow"]["scheduler"]) == (200, "healthy")


@pytest.mark.parametrize(("body", "status"), [(b" " * 1024, 400), (b" " * 1025, 413), (b'{"name": NaN}', 400)])
def test_bodies_are_guarded_on_every_route(body: bytes, status: int) -> None:
    gateway = fake_gateway(gateway={"max_body_bytes": 1024})
    headers = {**gateway.as_user("ann"), "content-type": "application/json"}
    answer = gateway.client.post("/keys", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")


def test_every_answer_has_an_id_and_one_shape_of_errors() -> None:
    gateway = fake_gateway()
    for answer in (gateway.client.get("/health"), gateway.client.get("/x", headers=gateway.as_user("ann"))):
        assert answer.headers["x-request-id"]
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
