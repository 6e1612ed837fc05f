"""A SeaweedFS and a Ray node of our own, for jobs of integration tests."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from fakes.released import RELEASES
from llmbatch.cluster.models.model_cache import CACHE_ENV
from llmbatch.core.access import Side
from llmbatch.core.access_policy import Addresses, policy_of
from llmbatch_stack.settings import load as load_settings

BUCKET = "cluster-tests"
BASE = f"s3://{BUCKET}/t"
"""What ``store.base_uri`` is for all jobs of a server but the recorded ones, which bring their own."""
RAY_KEY, RAY_SECRET = "ray-key", "ray-secret"
MARK = "LLMBATCH_TEST_CLUSTER"
"""Environment variable by which the processes of our own cluster are known: other clusters may run on this machine."""

REPOSITORY = Path(__file__).parents[2]

PATIENCE_SECONDS = 600.0
"""Before what does not come is a failure; no measure of speed."""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(sock.getsockname()[1]) for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for something outside this process, which cannot wake us."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(0.1)
    return value


def stop_tree(process: subprocess.Popen[Any]) -> None:
    if process.poll() is not None:
        return
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # the head's own shutdown may be quicker
            member.kill()
    process.wait(timeout=10)


def reachable(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running_s3(folder: Path) -> Iterator[dict[str, str]]:
    """Run a SeaweedFS in ``folder``; yield the variables of the tests' own client, who may do anything.

    Its binary may be in the other room's venv. Jobs get a key with the policy of Ray's side.
    """
    places = [Path(sys.prefix) / "bin", *sorted((REPOSITORY / ".llmbatch" / "venvs").glob("*/bin"))]
    weed = shutil.which("weed") or next((str(p / "weed") for p in places if (p / "weed").exists()), None)
    assert weed is not None, "no weed binary: run `make install`"
    operator = {
        "name": "tests",
        "credentials": [{"accessKey": "key", "secretKey": "secret"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    whole = (f"s3://{BUCKET}",)
    policies = [
        {"name": f"ray-{number}", "content": json.dumps(policy_of(Side.RAY, Addresses(base, whole, whole)))}
        for number, base in enumerate([BASE, *(release.base for release in RELEASES)])
    ]
    ray = {
        "name": "ray",
        "credentials": [{"accessKey": RAY_KEY, "secretKey": RAY_SECRET}],
        "policyNames": [policy["name"] for policy in policies],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [operator, ray], "policies": policies}))
    names = ("s3.port", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port")
    names = (*names, "filer.port.grpc", "s3.port.grpc", "admin.port")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    off = ("-master.telemetry=false", "-webdav=false", "-admin.ui=false", "-s3.iam=false")
    command = [weed, "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder}/s3.json"]
    command += [f"-bucket={BUCKET}", *off, "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process:
        until(lambda: reachable(ports["s3.port"]), "SeaweedFS answers")
        try:
            yield {
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3.port']}",
            }
        finally:
            stop_tree(process)


@contextlib.contextmanager
def running_node(s3: dict[str, str], log_file: Path) -> Iterator[dict[str, str]]:
    """Run a Ray node; yield the variables of a job's driver, whose key is that of Ray's side.

    The processes of the node get no AWS_* ones, as on a node without.
    """
    folder = Path("/tmp") / f"rt-{uuid.uuid4().hex[:6]}"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_", "PYTHOND"))
    }
    environment |= {"PYTHONPATH": str(REPOSITORY / "include"), "RAY_AUTH_MODE": "disabled"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", MARK: uuid.uuid4().hex}
    environment |= {CACHE_ENV: str(load_settings().models)}
    [port] = free_ports(1)
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--node-ip-address=127.0.0.1"]
    command += [f"--port={port}", "--num-cpus=8", "--include-dashboard=false", f"--temp-dir={folder}"]
    log = log_file.open("wb")
    with log, subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process:
        try:
            until(lambda: reachable(port), "Ray answers")
            key = {"AWS_ACCESS_KEY_ID": RAY_KEY, "AWS_SECRET_ACCESS_KEY": RAY_SECRET}
            yield {**environment, **s3, **key, "RAY_ADDRESS": f"127.0.0.1:{port}", "RAY_JOB_STOP_WAIT_TIME_S": "5"}
        finally:
            stop_tree(process)
            shutil.rmtree(folder, ignore_errors=True)
