"""The versions in a heartbeat are those of this environment."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, version

import pytest

from llmbatch.cluster.driver import versions as module
from llmbatch.cluster.driver.versions import versions
from llmbatch.version import VERSION


def test_the_cluster_names_its_versions_without_an_import_of_the_engine() -> None:
    had = "vllm" in sys.modules
    assert versions() == {
        "llmbatch": VERSION,
        "python": platform.python_version(),
        "ray": version("ray"),
        "vllm": version(packages_distributions()["vllm"][0]),
    }
    assert ("vllm" in sys.modules) == had


def test_what_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", missing)
    assert set(versions.__wrapped__()) == {"llmbatch", "python"}
