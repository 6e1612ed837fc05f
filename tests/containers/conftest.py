"""A Docker engine, the images of this repository on stand-ins, and the shipped compose file, once for all tests here."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from containers import machine
from containers.engine import Engine
from containers.images import Images
from containers.programs import unpacked
from containers.stand_ins import StandIns
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
