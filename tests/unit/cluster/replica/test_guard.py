"""Children and grandchildren die with the process that guards them, even when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmbatch.cluster.replica.guard import ChildGuard

PARENT = """
import subprocess, sys, time
from llmbatch.cluster.replica.guard import guard_children
guard_children(60)
sleep = "import time; time.sleep(600)"
start = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[1]]); print(p.pid, flush=True);"
child = subprocess.Popen([sys.executable, "-c", start + sleep, sleep], stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline().strip(), flush=True)
time.sleep(600)
"""


WORKER = """
import os
from llmbatch.cluster.replica.guard import guard_children
if {leads_a_group}:
    os.setpgid(0, 0)
guard_children(60)
print(os.getpid(), os.getsid(0), os.getpgrp(), flush=True)
"""


@pytest.mark.parametrize("leads_a_group", [True, False])
def test_it_leads_a_session_of_its_own(leads_a_group: bool) -> None:
    code = WORKER.format(leads_a_group=leads_a_group)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    pid, session, group = map(int, done.stdout.split())
    assert (session, group) == (pid, pid)
    assert session != os.getsid(0)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_killed_parent_takes_children_and_grandchildren_along() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        parent.send_signal(signal.SIGKILL)
        parent.wait(timeout=60)
    deadline = time.monotonic() + 60
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a child outlived its parent"
        time.sleep(0.02)


HANGING = """
import os, time
from llmbatch.cluster.replica.guard import guard_children
guard = guard_children(patience=2)
print(os.getpid(), flush=True)
for _ in range({beats}):
    guard.beat()
    time.sleep(0.5)
print("hangs", flush=True)
{rest}
"""


def hanging(beats: int, rest: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    code = HANGING.format(beats=beats, rest=rest)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize(
    "rest", ["time.sleep(600)", "import re; re.fullmatch('(a+)+b', 'a' * 60)", "os.kill(os.getpid(), 19)"],
    ids=["sleeps", "holds the interpreter's lock", "is stopped"],
)  # fmt: skip
def test_a_process_whose_loop_no_longer_beats_is_killed(rest: str) -> None:
    with hanging(8, rest) as process:
        assert process.stdout is not None
        assert process.stdout.read().splitlines()[1:] == ["hangs"], "killed although it did beat"
        assert process.wait(timeout=60) == -signal.SIGKILL


def test_a_process_that_never_beat_may_take_its_time() -> None:
    with hanging(0, "time.sleep(5)") as process:
        assert process.wait(timeout=120) == 0


def test_a_beat_never_blocks_nor_fails() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    guard = ChildGuard(0, writer)
    for _ in range(100_000):  # more than a pipe holds, and the other end does not read
        guard.beat()
    os.close(reader)
    guard.beat()
    os.close(writer)
