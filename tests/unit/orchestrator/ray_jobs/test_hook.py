from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from fakes.ray import FakeRay
from llmbatch.core.errors import ConfigError
from llmbatch.orchestrator.ray_jobs.address import RayAddress
from llmbatch.orchestrator.ray_jobs.hook import RayHook

ADDRESS = RayAddress("http://ray:8265", "my_ray", "right")


@pytest.fixture(autouse=True)
def _connections(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "ray", "host": "ray", "port": 8265, "password": "right"}
    monkeypatch.setenv("AIRFLOW_CONN_MY_RAY", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW_CONN_NO_HOST", json.dumps({"conn_type": "ray"}))


def test_the_blocking_client_uses_the_connection() -> None:
    with RayHook("my_ray").get_conn() as jobs:
        assert jobs.address == ADDRESS


def test_the_awaiting_client_uses_the_connection() -> None:
    async def address() -> RayAddress:
        jobs = await RayHook("my_ray").get_async_conn()
        await jobs.aclose()
        return jobs.address

    assert asyncio.run(address()) == ADDRESS


def test_a_connection_without_host_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"no_host.*no host"):
        RayHook("no_host").get_conn()


def answered_by(ray: FakeRay, monkeypatch: pytest.MonkeyPatch, token: str | None = "right") -> tuple[bool, str]:
    monkeypatch.setattr(RayHook, "get_conn", lambda _: ray.sync_client(token))
    return RayHook("my_ray").test_connection()


def test_the_test_of_a_connection_says_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = FakeRay()
    ray.put("a", "RUNNING")
    assert answered_by(ray, monkeypatch) == (
        True,
        "Ray 2.60.0 at http://ray:8265 answers and takes the token. It knows 1 submitted jobs.",
    )
    other, text = answered_by(FakeRay(version="2.61.0"), monkeypatch)
    assert (other, "Ray 2.61.0" in text, "2.60.0 exactly" in text) == (False, True, True)
    good, text = answered_by(FakeRay(token=None), monkeypatch, None)
    assert (good, "asks for no token" in text) == (True, True)


@pytest.mark.parametrize(
    ("token", "broken", "words"),
    [
        (None, None, ["HTTP 401", "Set the password", "RAY_AUTH_TOKEN"]),
        ("wrong-token", None, ["HTTP 403", "replace it"]),
        ("right", httpx.ConnectError("refused"), ["cannot be reached", "head node"]),
        ("right", httpx.Response(200, text="<html>"), ["not as a Ray dashboard", "host and port"]),
    ],
)
def test_the_test_of_a_connection_says_what_to_do(
    token: str | None, broken: Exception | httpx.Response | None, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, text = answered_by(FakeRay(broken=[broken] if broken else []), monkeypatch, token)
    assert not good
    assert [word for word in words if word not in text] == []
    assert token is None or token not in text


def test_the_test_of_a_connection_without_host_says_so() -> None:
    good, text = RayHook("no_host").test_connection()
    assert (good, "no host" in text) == (False, True)
