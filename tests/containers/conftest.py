"""A Docker engine, the images of this repository on stand-ins, and the shipped compose file, once for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest

from containers import machine
from containers.engine import Engine
from containers.images import Images
from containers.jobs import Service
from containers.keys import api_key
from containers.programs import unpacked
from containers.stack import TEST_KEY, Stack
from containers.stand_ins import StandIns
from llmbatch.s3.store import S3Store
from llmbatch_stack.settings import load


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    machine.require()
    place = machine.folder()
    with Engine(unpacked(place), place / "engine", keep=bool(os.environ.get(machine.KEEP))) as started:
        yield started


@pytest.fixture(scope="session")
def stand_ins(engine: Engine) -> StandIns:
    return StandIns(engine, unpacked(machine.folder()), load())


@pytest.fixture(scope="session")
def images(engine: Engine, stand_ins: StandIns) -> Images:
    """Build both Dockerfiles."""
    return Images.build(engine, stand_ins)


@pytest.fixture(scope="session")
def stack(engine: Engine, stand_ins: StandIns, images: Images) -> Iterator[Stack]:
    with Stack.open(engine, stand_ins, images, machine.folder() / "stack") as up:
        yield up


@pytest.fixture(scope="session")
def service(stack: Stack) -> Iterator[Service]:
    """Log in as the admin, and make an API key for all that follows."""
    key = api_key(stack.secret("airflow_admin_password"), "containers")
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=stack.address("seaweedfs", 8333),
        region_name="us-east-1",
        aws_access_key_id=TEST_KEY,
        aws_secret_access_key=TEST_KEY,
    )
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url="http://127.0.0.1:8000", headers=headers, timeout=60) as gateway:
        yield Service(gateway, S3Store(client))
