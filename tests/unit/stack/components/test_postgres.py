"""The lock file of a postmaster that no longer runs must not keep the next one from starting."""

import os
import subprocess
from pathlib import Path

import pytest

from llmbatch_stack.components.postgres import forget_dead_postmaster


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "postmaster.pid"


def test_a_number_given_anew_to_another_program_is_forgotten(lock: Path) -> None:
    lock.write_text(f"{os.getpid()}\n/data\n")
    forget_dead_postmaster(lock.parent)
    assert not lock.exists()


def test_a_killed_process_that_nobody_reaped_is_forgotten(lock: Path, tmp_path: Path) -> None:
    with subprocess.Popen([impostor(tmp_path), "60"]) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        lock.write_text(f"{process.pid}\n")
        forget_dead_postmaster(lock.parent)
        assert not lock.exists()


def test_a_live_postmaster_keeps_its_lock(lock: Path, tmp_path: Path) -> None:
    with subprocess.Popen([impostor(tmp_path), "60"]) as process:
        lock.write_text(f"{process.pid}\n/data\n")
        forget_dead_postmaster(lock.parent)
        assert lock.exists()
        process.kill()


@pytest.mark.parametrize("text", ["", "garbage", "999999999"])
def test_a_damaged_or_dead_lock_is_removed(lock: Path, text: str) -> None:
    lock.write_text(text)
    forget_dead_postmaster(lock.parent)
    assert not lock.exists()


def test_no_lock_is_no_matter(lock: Path) -> None:
    forget_dead_postmaster(lock.parent)
    assert not lock.exists()


def impostor(folder: Path) -> str:
    """A program that the kernel calls postgres."""
    program = folder / "postgres"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    return str(program)
