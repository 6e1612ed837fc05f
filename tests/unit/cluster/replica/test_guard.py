"""Children and grandchildren die with the process that guards them, even when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PARENT = """
import subprocess, sys, time
from llmbatch.cluster.replica.guard import guard_children
guard_children()
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
guard_children()
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
