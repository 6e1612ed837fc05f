"""Ray's dashboard behind a proxy with TLS, whose certificate a private authority has signed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.certificates import Certificates
from fakes.http_server import QuietHandler, served
from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.orchestrator.ray_jobs.status import RayJobStatus


class Dashboard(QuietHandler):
    """Knows one job, and the token of who asks."""

    def do_GET(self) -> None:
        if self.headers["Authorization"] != "Bearer the-token":
            self.reply(403)
            return
        self.reply(200, json.dumps({"submission_id": "a-g1", "status": "RUNNING"}).encode())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def port(certificates: Certificates) -> Iterator[int]:
    with served(Dashboard, certificates.of_server()) as port:
        yield port


def connect(monkeypatch: pytest.MonkeyPatch, port: int, **extra: str) -> RayHook:
    connection = {"conn_type": "ray", "host": "https://localhost", "port": port, "password": "the-token"}
    monkeypatch.setenv("AIRFLOW_CONN_MY_RAY", json.dumps({**connection, "extra": extra}))
    return RayHook("my_ray")


def test_both_clients_trust_the_authority_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, port: int, certificates: Certificates
) -> None:
    hook = connect(monkeypatch, port, ca_file=str(certificates.ca))
    with hook.get_conn() as jobs:
        assert jobs.status("a-g1").status is RayJobStatus.RUNNING

    async def status() -> RayJobStatus:
        jobs = await hook.get_async_conn()
        try:
            return (await jobs.status("a-g1")).status
        finally:
            await jobs.aclose()

    assert asyncio.run(status()) is RayJobStatus.RUNNING


def test_a_server_of_an_unknown_authority_gets_no_token(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    with connect(monkeypatch, port).get_conn() as jobs, pytest.raises(RayJobError, match="CERTIFICATE_VERIFY_FAILED"):
        jobs.status("a-g1")


def test_a_server_of_another_authority_gets_no_token(
    monkeypatch: pytest.MonkeyPatch, port: int, tmp_path: Path
) -> None:
    other = Certificates.make(tmp_path)
    with (
        connect(monkeypatch, port, ca_file=str(other.ca)).get_conn() as jobs,
        pytest.raises(RayJobError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        jobs.status("a-g1")


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_file_that_is_no_certificate_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "ca.pem").write_text(text)
    with pytest.raises(RayJobError, match=r"ca\.pem' in the extra of connection 'my_ray'"):
        connect(monkeypatch, 1, ca_file=str(tmp_path / "ca.pem")).get_conn()
