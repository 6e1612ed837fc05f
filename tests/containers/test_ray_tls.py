"""Ray with TLS and a token between two hosts: who has no certificate of the authority, or no token, is no node.

Two processes on the loopback interface stand for the hosts.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from fakes.certificates import Certificates
from llmbatch_stack.settings import load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

HOST = "127.0.0.1"
JOIN_SECONDS = 120
"""Before a node that does not join is a failure; no measure of speed."""
REFUSED_SECONDS = 15
"""How long a stranger is watched: a node joins in five."""
RESULT = "result:"
COUNT_NODES = f"""
import ray
ray.init("auto", log_to_driver=False, logging_level="ERROR")
print("{RESULT}", sum(node["Alive"] for node in ray.nodes()))
"""
WORK_ON_THE_WORKER = f"""
import ray
ray.init("auto", log_to_driver=False, logging_level="ERROR")
work = ray.remote(num_cpus=0, resources={{"worker": 1}})(lambda: "x" * 2**20)
print("{RESULT}", len(ray.get(work.remote(), timeout=100)))
"""


@dataclass(frozen=True)
class Cluster:
    """A head with TLS and a token."""

    port: int
    folder: Path
    environment: Mapping[str, str]

    def run(self, program: str) -> str:
        """Run a driver with certificate and token; return what it prints."""
        done = subprocess.run(
            [load().python("ray"), "-c", program],
            env={**self.environment, "RAY_ADDRESS": f"{HOST}:{self.port}"},
            capture_output=True, text=True, timeout=JOIN_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return next(line for line in done.stdout.splitlines() if line.startswith(RESULT)).removeprefix(RESULT).strip()

    @contextmanager
    def worker(self, environment: Mapping[str, str], name: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a node that wants to join."""
        options = [f"--address={HOST}:{self.port}", f"--node-ip-address={HOST}", "--num-cpus=1"]
        options += ['--resources={"worker": 1}', "--object-store-memory=80000000"]
        with ray_start(options, environment, self.folder / f"{name}.log") as process:
            yield process


@contextmanager
def ray_start(options: list[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = [load().python("ray"), "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
    with log.open("wb") as out, subprocess.Popen([*program, *options], stdout=out, stderr=out, env=environment) as ray:
        try:
            yield ray
        finally:
            family = psutil.Process(ray.pid).children(recursive=True) if ray.poll() is None else []
            ray.kill()
            for each in family:
                try:
                    each.kill()
                except psutil.NoSuchProcess:
                    continue


def own_names() -> str:
    """Return the names of this machine: Ray's drivers do not use its loopback address, whatever they are told."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("8.8.8.8", 80))  # sends nothing
        except OSError:
            return f"localhost,{HOST}"
        return f"localhost,{HOST},{probe.getsockname()[0]}"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"), own_names())


def with_certificates(certificates: Certificates) -> dict[str, str]:
    return {
        "RAY_USE_TLS": "1",
        "RAY_TLS_CA_CERT": str(certificates.ca),
        "RAY_TLS_SERVER_CERT": str(certificates.certificate),
        "RAY_TLS_SERVER_KEY": str(certificates.key),
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a node with the token, without certificate."""
    if not Path(load().python("ray")).exists():
        pytest.skip("no Ray environment: run `make install`")
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text(uuid.uuid4().hex)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PYTHON"))}
    return {**kept, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture(scope="module")
def cluster(
    certificates: Certificates, plain: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    environment = plain | with_certificates(certificates)
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    folder, temporary = tmp_path_factory.mktemp("ray"), Path("/tmp") / f"rtls-{uuid.uuid4().hex[:6]}"
    options = ["--head", f"--port={port}", f"--node-ip-address={HOST}", "--num-cpus=1", "--include-dashboard=false"]
    options += [f"--temp-dir={temporary}", "--object-store-memory=80000000"]
    try:
        with ray_start(options, environment, folder / "head.log") as head:
            found = Cluster(port, folder, environment)
            until_accepting(port, head, folder / "head.log")
            yield found
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def until_accepting(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a program that was started listens; ``log`` is what it says if it ends instead."""
    deadline = time.monotonic() + JOIN_SECONDS
    while not accepts(port):
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.2)


def greeting(port: int, context: ssl.SSLContext) -> bytes:
    """Return the first byte that the head sends to a client; none if it ends the connection."""
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((HOST, port), timeout=20) as raw,
            context.wrap_socket(raw, server_hostname=HOST) as connection,
        ):
            return connection.recv(1)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_the_head_speaks_only_to_clients_with_a_certificate(
    cluster: Cluster, certificates: Certificates, tmp_path: Path
) -> None:
    contexts = [ssl.create_default_context(cafile=certificates.ca) for _ in range(3)]
    other = Certificates.make(tmp_path)
    contexts[1].load_cert_chain(other.certificate, other.key)
    contexts[2].load_cert_chain(certificates.certificate, certificates.key)
    assert [len(greeting(cluster.port, each)) for each in contexts] == [0, 0, 1]


def test_strangers_do_not_join_and_a_node_with_certificate_works(
    cluster: Cluster, certificates: Certificates, plain: dict[str, str], tmp_path: Path
) -> None:
    other = Certificates.make(tmp_path / "other", own_names())
    wrong_token = tmp_path / "token"
    wrong_token.write_text(uuid.uuid4().hex)
    strangers = {
        "no-certificate": plain,
        "other-authority": plain | with_certificates(other),
        "wrong-token": {**cluster.environment, "RAY_AUTH_TOKEN_PATH": str(wrong_token)},
    }
    with ExitStack() as stack:
        started = [stack.enter_context(cluster.worker(each, name)) for name, each in strangers.items()]
        deadline = time.monotonic() + REFUSED_SECONDS
        while time.monotonic() < deadline and any(each.poll() is None for each in started):
            time.sleep(0.2)
        assert cluster.run(COUNT_NODES) == "1"
    with cluster.worker(cluster.environment, "worker"):
        assert cluster.run(WORK_ON_THE_WORKER) == str(2**20)
        assert cluster.run(COUNT_NODES) == "2"
