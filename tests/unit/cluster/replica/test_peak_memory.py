from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from llmbatch.cluster.replica.peak_memory import LOOK_SECONDS, PeakMemory
from llmbatch.core.clock import ManualClock


def process(folder: Path, pid: int, session: int, kib: int) -> None:
    own = folder / str(pid)
    own.mkdir(exist_ok=True)
    (own / "stat").write_text(f"{pid} (a name) with ) in it) S 1 {pid} {session} 0 -1")
    (own / "status").write_text(f"Name:\tx\nVmHWM:\t  {kib} kB\nVmRSS:\t  1 kB\n")


def test_the_processes_of_the_session_are_added_and_the_highest_sum_stays(tmp_path: Path) -> None:
    clock = ManualClock()
    process(tmp_path, 10, 10, 300 * 1024)
    process(tmp_path, 11, 10, 500 * 1024)
    process(tmp_path, 12, 12, 900 * 1024)
    (tmp_path / "self").mkdir()
    (tmp_path / "13").mkdir()
    memory = PeakMemory(clock, 10, tmp_path)
    assert memory.mb() == 800
    process(tmp_path, 11, 10, 700 * 1024)
    assert memory.mb() == 800
    clock.advance(LOOK_SECONDS)
    assert memory.mb() == 1000
    (tmp_path / "11" / "stat").unlink()
    clock.advance(LOOK_SECONDS)
    assert memory.mb() == 1000


def test_a_system_without_proc_is_unknown_not_zero(tmp_path: Path) -> None:
    assert PeakMemory(ManualClock(), 10, tmp_path / "none").mb() is None
    assert PeakMemory(ManualClock(), 10, tmp_path).mb() is None


def test_a_real_process_and_its_child_are_measured() -> None:
    hold = "held = bytearray(200 * 2**20); print('up', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    found = PeakMemory(ManualClock()).mb()
    child.communicate("\n")
    assert found is not None
    assert found >= 200
