from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmbatch.cluster.engines.compiler import require_compiler
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.errors import ConfigError

COMPILED = EngineSettings(accelerator=Accelerator.CPU, enforce_eager=False)


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)


def test_a_compiled_engine_on_cpu_needs_a_compiler(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"engine.enforce_eager is false.*Install g\+\+"):
        require_compiler(COMPILED, str(tmp_path))


def test_a_compiler_on_the_path_is_enough(tmp_path: Path) -> None:
    (tmp_path / "g++").touch(mode=0o755)
    require_compiler(COMPILED, str(tmp_path))


def test_the_variable_names_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", sys.executable)
    require_compiler(COMPILED, str(tmp_path))
    monkeypatch.setenv("CXX", "clang++-99")
    with pytest.raises(ConfigError, match=r"Install clang\+\+-99"):
        require_compiler(COMPILED, str(tmp_path))


@pytest.mark.parametrize(
    "settings",
    [
        EngineSettings(accelerator=Accelerator.CPU, enforce_eager=True),
        EngineSettings(accelerator=Accelerator.GPU, enforce_eager=False),
    ],
)
def test_others_need_none(settings: EngineSettings, tmp_path: Path) -> None:
    require_compiler(settings, str(tmp_path))
