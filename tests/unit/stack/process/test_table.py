"""Who a process is, and which ones belong to a stack."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from llmbatch_stack.process.table import MARKER, ProcessIdentity, end, identify, members, session_of

WAIT = "print(flush=True); import signal; signal.pause()"
SPAWN_AND_WAIT = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {WAIT!r}], start_new_session=True, env={{}}).stdout
{WAIT}
"""
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(code: str = WAIT, marker: str | None = None) -> "subprocess.Popen[bytes]":
        env = {**os.environ, **({MARKER: marker} if marker else {})}
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, env=env, start_new_session=True
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()  # it says a line once it runs
        return process

    yield begin
    for process in started:
        for one in session_of(process.pid):
            one.send(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def identity(process: "subprocess.Popen[bytes]") -> ProcessIdentity:
    found = identify(process.pid)
    assert found is not None
    return found


def test_ended_process_is_not_alive_even_before_it_is_reaped(start: Start):
    process = start()
    one = identity(process)
    assert one.is_alive()
    process.kill()
    assert one.wait(60)
    assert not one.is_alive()


def test_recycled_pid_is_another_process_and_gets_no_signal(start: Start):
    process = start()
    earlier = replace(identity(process), start_ticks=identity(process).start_ticks - 1)
    assert not earlier.is_alive()
    assert earlier.wait(0)
    earlier.send(signal.SIGKILL)
    end([earlier], grace_s=0)
    assert process.poll() is None


def test_wait_tells_when_the_process_outlives_it(start: Start):
    assert not identity(start()).wait(0.01)


def test_end_kills_what_ignores_the_request(start: Start):
    process = start(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAIT}")
    end([identity(process)], grace_s=0.05)
    assert process.wait(60) == -signal.SIGKILL


def test_members_are_found_by_marker_alone(start: Start):
    ours, foreign = start(marker="/state/a"), start(marker="/state/ab")
    found = {one.pid for one in members("/state/a", [])}
    assert ours.pid in found
    assert foreign.pid not in found


def test_members_are_found_by_recorded_session_and_only_while_it_is_the_same_process(start: Start):
    process = start()
    assert identity(process) in members("/state/none", [identity(process)])
    recycled = replace(identity(process), start_ticks=1)
    assert identity(process) not in members("/state/none", [recycled])


def test_members_hold_descendants_that_left_session_and_environment(start: Start):
    process = start(SPAWN_AND_WAIT, marker="/state/tree")
    found = members("/state/tree", [])
    assert len(found) == 2
    end(found - {identity(process)}, grace_s=0)


def test_caller_is_never_a_member():
    own = identify(os.getpid())
    assert own is not None
    assert own not in members("/state/none", [own])
