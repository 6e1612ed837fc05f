"""Whether this machine can run a Docker engine, and where the tests keep what they make."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from llmbatch_stack.settings import load

KEEP = "LLMBATCH_CONTAINERS_KEEP"
"""Set: images and build cache stay for the next run (about 10 GB)."""
_FREE_GIB = 25


def folder() -> Path:
    """Return the folder of programs, images and containers."""
    return load().state / "containers"


def require(environment: Mapping[str, str] = os.environ) -> None:
    """Skip where no engine can run; where CI is set, fail instead."""
    missing = obstacle()
    if missing is None:
        return
    text = f"a Docker engine cannot be started here: {missing}"
    if environment.get("CI"):
        _fail(f"{text}; nothing is skipped where CI is set")
    pytest.skip(text)


def obstacle() -> str | None:
    """Return what prevents an engine, and what to do; None if nothing does."""
    if sys.platform != "linux":
        return "it needs Linux"
    if os.geteuid() != 0:
        return "it needs root: run `sudo make test-deploy`"
    if missing := [program for program in ("apt-get", "dpkg-deb", "perl") if shutil.which(program) is None]:
        return f"it needs {', '.join(missing)}: run it on Debian"
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(place).free / 2**30
    if free < _FREE_GIB:
        return f"images take up to {_FREE_GIB} GiB, and {place} has {free:.0f} free"
    return None


def _fail(text: str) -> NoReturn:
    pytest.fail(text, pytrace=False)
