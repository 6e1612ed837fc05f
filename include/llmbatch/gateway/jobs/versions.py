"""The versions of the process that answers."""

from __future__ import annotations

import importlib.metadata
import platform
from functools import cache

import llmbatch


@cache
def versions() -> tuple[str, str, str]:
    """Return those of llmbatch, Airflow and Python."""
    return llmbatch.__version__, importlib.metadata.version("apache-airflow-core"), platform.python_version()
