"""Refusals of Airflow as answers of the gateway."""

from __future__ import annotations

import json

import pytest

from llmbatch.gateway.airflow.refusals import BAD_TOKEN, detail_of, failure_of


def refused(status: int, detail: object) -> tuple[int, str | None, str]:
    failure = failure_of(status, json.dumps({"detail": detail}).encode(), "start a run of d")
    return failure.status, failure.code, failure.message


@pytest.mark.parametrize(
    ("status", "detail", "expected", "code"),
    [
        (401, "Token Expired", 401, "invalid_api_key"),
        (403, BAD_TOKEN, 401, "invalid_api_key"),
        (403, "Forbidden", 403, "forbidden"),
        (404, "Dag not found", 404, "not_found"),
        (409, "there is one", 409, "conflict"),
        (400, "Invalid input for param model", 400, "refused_by_airflow"),
        (422, [{"loc": ["body"], "msg": "bad"}], 400, "refused_by_airflow"),
        (500, "Database error", 503, "unavailable"),
        (302, None, 503, "unavailable"),
    ],
)
def test_each_status(status: int, detail: object, expected: int, code: str) -> None:
    assert refused(status, detail)[:2] == (expected, code)


def test_the_reason_is_given_where_it_helps() -> None:
    assert "Token Expired" in refused(401, "Token Expired")[2]
    assert "Invalid input for param model" in refused(400, "Invalid input for param model")[2]
    assert '"msg": "bad"' in refused(422, [{"msg": "bad"}])[2]
    assert "Traceback" not in refused(500, "Traceback (most recent call last)")[2]


def test_a_dead_airflow_names_when_to_repeat() -> None:
    assert failure_of(503, b"", "x").headers == {"Retry-After": "5"}


def test_a_body_that_is_not_airflow_s() -> None:
    assert [detail_of(body) for body in (b"", b"<html>", b"[]", b'{"detail": null}')] == [""] * 4
    assert detail_of(b'{"detail": "a\\nb"}') == "a\\nb"
