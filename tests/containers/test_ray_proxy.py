"""Ray's dashboard behind the nginx of docs/tls.md: a job through it, and no token for a stranger."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from containers import machine
from containers.debian import Suite
from containers.test_ray_tls import ray_start, until_accepting
from fakes.certificates import Certificates
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.orchestrator.ray_jobs.submission import RaySubmission
from llmbatch_stack.settings import load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PAGE = Path(__file__).parents[2] / "docs" / "tls.md"
TOKEN = uuid.uuid4().hex
_JOB_SECONDS = 120


@dataclass(frozen=True)
class Proxy:
    """The nginx of the page, on a port of this machine."""

    port: int
    access_log: Path
    certificates: Certificates


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def server_of_the_page(port: int, dashboard: int, certificates: Certificates) -> str:
    """Return the page's `server`, with addresses and files of this test in the place of its own."""
    (text,) = re.findall(r"^    server \{\n.*?^    \}\n", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for theirs, ours in {
        "10.0.0.1:8443": f"127.0.0.1:{port}", "127.0.0.1:8265": f"127.0.0.1:{dashboard}",
        "/etc/llmbatch/tls/ray-head.pem": certificates.certificate,
        "/etc/llmbatch/tls/ray-head-key.pem": certificates.key,
    }.items():  # fmt: skip
        assert text.count(theirs) == 1, f"{theirs} is not in the page"
        text = text.replace(theirs, str(ours))
    return text


@pytest.fixture(scope="module")
def nginx() -> Path:
    """Return the program: this machine's own, else Debian's, unpacked."""
    if own := shutil.which("nginx", path="/usr/sbin:/usr/local/sbin"):
        return Path(own)
    machine.require()
    root = machine.folder() / "nginx"
    if not (root / "usr" / "sbin" / "nginx").exists():
        Suite("bookworm", machine.folder() / "nginx-packages").unpack(["nginx"], root)
    return root / "usr" / "sbin" / "nginx"


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start a head of Ray that asks for the token; the port of its dashboard."""
    if not Path(load().python("ray")).exists():
        pytest.skip("no Ray environment: run `make install`")
    folder, temporary = tmp_path_factory.mktemp("ray"), Path("/tmp") / f"rproxy-{uuid.uuid4().hex[:6]}"
    (folder / "token").write_text(TOKEN)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PYTHON"))}
    environment = {
        **kept, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(folder / "token"), "RAY_USAGE_STATS_ENABLED": "0",
    }  # fmt: skip
    port = free_port()
    options = ["--head", f"--port={free_port()}", "--node-ip-address=127.0.0.1", "--num-cpus=1"]
    options += [
        "--dashboard-host=127.0.0.1",
        f"--dashboard-port={port}",
        f"--dashboard-agent-listen-port={free_port()}",
    ]
    options += [f"--temp-dir={temporary}", "--object-store-memory=80000000"]
    try:
        with ray_start(options, environment, folder / "head.log") as head:
            until_accepting(port, head, folder / "head.log")
            yield port
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@pytest.fixture(scope="module")
def proxy(nginx: Path, dashboard: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    certificates = Certificates.make(folder / "certificates")
    port = free_port()
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log {folder}/access.log;\n{paths}{server_of_the_page(port, dashboard, certificates)}}}\n"
    )
    with subprocess.Popen([nginx, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]) as process:
        until_accepting(port, process, folder / "error.log")
        yield Proxy(port, folder / "access.log", certificates)
        process.terminate()


def hook(monkeypatch: pytest.MonkeyPatch, proxy: Proxy, ca: Path) -> RayHook:
    """Return the hook of the page's connection."""
    (text,) = re.findall(r"AIRFLOW_CONN_LLMBATCH_RAY='(\{.*?\}\})'", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    connection = json.loads(text)
    assert (connection["host"], connection["port"], connection["password"]) == ("https://ray-head", 8443, "TOKEN")
    ours = {"host": "https://localhost", "port": proxy.port, "password": TOKEN, "extra": {"ca_file": str(ca)}}
    assert connection["extra"].keys() == ours["extra"].keys()  # type: ignore[attr-defined]
    monkeypatch.setenv("AIRFLOW_CONN_LLMBATCH_RAY", json.dumps(connection | ours))
    return RayHook()


def test_a_job_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch, proxy: Proxy) -> None:
    found = hook(monkeypatch, proxy, proxy.certificates.ca)
    good, text = found.test_connection()
    assert (good, f"https://localhost:{proxy.port}" in text, "takes the token" in text) == (True, True, True), text
    with found.get_conn() as jobs:
        jobs.submit(RaySubmission("through-nginx", "echo so it is"))
        until = time.monotonic() + _JOB_SECONDS
        while (info := jobs.status("through-nginx")).status.is_active:
            assert time.monotonic() < until, info
            time.sleep(0.5)
        assert info.status.is_succeeded
        assert "so it is" in jobs.logs("through-nginx")


def test_a_proxy_of_another_authority_gets_no_request(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, tmp_path: Path
) -> None:
    before = proxy.access_log.read_text()
    good, text = hook(monkeypatch, proxy, Certificates.make(tmp_path).ca).test_connection()
    assert (good, "CERTIFICATE_VERIFY_FAILED" in text) == (False, True), text
    assert proxy.access_log.read_text() == before
