"""One version of Ray: the one that the locks install."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmbatch.core.ray_version import RAY_VERSION

REPOSITORY = Path(__file__).parents[3]
LOCKS = sorted([*(REPOSITORY / "requirements").glob("*ray*.lock"), REPOSITORY / "requirements.txt"])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_the_locks_install_the_version_that_is_required(lock: Path) -> None:
    [pin] = re.findall(r"^ray(?:\[[a-z,]+\])?==([^ \n\\]+)", lock.read_text(), re.MULTILINE)
    assert pin == RAY_VERSION
