"""Programs of Prometheus on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import pytest

from llmbatch_stack.install import tools
from llmbatch_stack.settings import load

Program = Callable[[str], str]
"""Returns the path of a program."""


def path_of(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the path of a program. Without it a test is skipped, and fails where ``CI`` is set."""
    found = tools.find(load({}), name)
    if found is not None:
        return str(found)
    text = f"no {name}: run `make install`, or install it so that PATH has it"
    if environ.get("CI"):
        pytest.fail(f"{text}; nothing is skipped where CI is set")
    pytest.skip(text)
