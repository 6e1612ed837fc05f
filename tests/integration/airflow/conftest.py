"""A real S3 server, SeaweedFS, and a real api-server of Airflow, on free ports of this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from llmbatch.s3.store import S3Store

from .api_server import ApiServer, running
from .small_jobs import BUCKET

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]


def weed_command(folder: Path, ports: list[int]) -> list[str]:
    identity = {"name": "ci", "credentials": [{"accessKey": "K", "secretKey": "S"}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ("s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
    names += ("filer.port", "filer.port.grpc", "admin.port")
    return [
        str(Path(sys.executable).with_name("weed")),
        *("mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder}/s3.json"),
        *(f"-bucket={BUCKET}", "-master.telemetry=false", "-webdav=false", "-admin.ui=false", "-s3.iam=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
    ]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run one S3 server for all tests of this folder; return its address."""
    folder = tmp_path_factory.mktemp("weed")
    ports = free_ports(9)
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(weed_command(folder, ports), stdout=log, stderr=log, cwd=folder, env=os.environ)
    address = f"http://127.0.0.1:{ports[0]}"
    try:
        _wait_until_ready(address, process, folder / "weed.log")
        yield address
    finally:
        process.terminate()
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def client(server: str) -> Iterator[S3Client]:
    """A client of that server, for what a store does not do."""
    client = _client(server)
    yield client
    client.close()


@pytest.fixture(scope="session")
def store(client: S3Client) -> S3Store:
    """A store on that server."""
    return S3Store(client)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory, server: str) -> Iterator[ApiServer]:
    """Airflow's own api-server with the plugin."""
    with running(tmp_path_factory.mktemp("airflow"), free_ports(1)[0], server) as found:
        yield found


def _client(address: str):
    return boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id="K",
        aws_secret_access_key="S",
        region_name="us-east-1",
        config=ClientConfig(retries={"mode": "standard"}, max_pool_connections=16, s3={"addressing_style": "path"}),
    )


def _wait_until_ready(address: str, server: subprocess.Popen, log: Path) -> None:
    client = _client(address)
    until = time.monotonic() + 240
    while True:
        try:
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"1")
        except (BotoCoreError, ClientError) as error:
            if server.poll() is not None or time.monotonic() > until:
                pytest.fail(f"weed is not ready: {error}\n{log.read_text()[-2000:]}")
            time.sleep(0.2)  # a server of another make: there is nothing to await
        else:
            return
