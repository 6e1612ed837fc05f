from __future__ import annotations

import asyncio
import json

import pytest

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
