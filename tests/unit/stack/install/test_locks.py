"""Where the compiler of locks looks for packages."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmbatch_stack.install.locks import LockError, compile_lock
from llmbatch_stack.install.package_sources import PackageSources
from llmbatch_stack.install.rooms import TORCH_CPU_INDEX
from llmbatch_stack.install.uv import Uv


def test_extra_indexes_count_only_where_the_main_one_has_no_solution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    attempts: list[str] = []

    def fail(command: list[str], *, env: Mapping[str, str], **_: object) -> "subprocess.CompletedProcess[str]":
        assert "--no-index" in command
        attempts.append(env.get("UV_INDEX", ""))
        return subprocess.CompletedProcess(command, 1, "", f"attempt {len(attempts)}")

    monkeypatch.setattr(subprocess, "run", fail)
    sources = PackageSources({}, ("--no-index",), ("https://a.example/simple",))
    with pytest.raises(LockError, match="attempt 1"):
        compile_lock("airflow", tmp_path, Uv(("uv",), sources))
    assert attempts == ["", f"https://a.example/simple {TORCH_CPU_INDEX}"]


def test_files_of_this_machine_count_only_where_the_index_has_no_solution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Else a CPU build of torch in a folder would get into the lock for GPUs."""
    attempts: list[str | None] = []

    def solve(command: list[str], *, env: Mapping[str, str], **_: object) -> "subprocess.CompletedProcess[str]":
        attempts.append(env.get("UV_FIND_LINKS"))
        (tmp_path / "ray-gpu.lock").write_text("torch==2\n")
        return subprocess.CompletedProcess(command, int(len(attempts) in failing), "", "no solution")

    monkeypatch.setattr(subprocess, "run", solve)
    sources = PackageSources({"UV_FIND_LINKS": "/wheels"})
    failing: set[int] = set()
    compile_lock("ray-gpu", tmp_path, Uv(("uv",), sources))
    assert attempts == [None]
    attempts.clear()
    failing.add(1)
    compile_lock("ray-gpu", tmp_path, Uv(("uv",), sources))
    assert attempts == [None, "/wheels"]
