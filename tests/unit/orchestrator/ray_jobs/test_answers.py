from __future__ import annotations

import httpx
import pytest

from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.address import RayAddress
from llmbatch.orchestrator.ray_jobs.answers import read_flag, read_version

ADDRESS = RayAddress(conn_id="my_ray", url="http://ray.example:8265")


def test_a_version_is_read() -> None:
    assert read_version(ADDRESS, httpx.Response(200, json={"ray_version": "2.60.0"})) == "2.60.0"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"ray_version": 2}', b'{"ray_version": ""}'])
def test_what_is_no_answer_of_ray_names_the_connection(body: bytes) -> None:
    with pytest.raises(RayJobError, match=r"not as a Ray dashboard does.*'my_ray'"):
        read_version(ADDRESS, httpx.Response(200, content=body))


@pytest.mark.parametrize(("status", "says"), [(401, "requires a token"), (403, "refuses the token")])
def test_a_missing_or_wrong_token_is_named(status: int, says: str) -> None:
    with pytest.raises(RayJobError, match=says):
        read_version(ADDRESS, httpx.Response(status))


def test_a_flag_of_an_unknown_job_is_false() -> None:
    assert read_flag(ADDRESS, "job", httpx.Response(404), "stopped") is False
    assert read_flag(ADDRESS, "job", httpx.Response(200, json={"stopped": True}), "stopped") is True
