"""Which nice value a session gets, from what it uses."""

import errno
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from llmbatch_stack.process.priority import IDLE, WORKING, SessionPriorities
from llmbatch_stack.process.table import SessionUse, session_use

TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    for leader in (7, 8):
        (tmp_path / str(leader)).mkdir()
        (tmp_path / str(leader) / "autogroup").write_text("/autogroup-1 nice 0")
    return tmp_path


def value(proc: Path, leader: int) -> str:
    return (proc / str(leader) / "autogroup").read_text()


def test_background_work_yields_while_it_idles(proc: Path):
    priorities = SessionPriorities(proc)
    priorities.adjust([], [SessionUse(7, 100), SessionUse(8, 100)], now=10.0)
    assert (value(proc, 7), value(proc, 8)) == (str(WORKING), str(WORKING))  # nothing is known of them yet
    priorities.adjust([], [SessionUse(7, 101), SessionUse(8, 100 + TICKS)], now=13.0)
    assert (value(proc, 7), value(proc, 8)) == (str(IDLE), str(WORKING))
    priorities.adjust([], [SessionUse(7, 101 + TICKS), SessionUse(8, 100 + TICKS)], now=16.0)
    assert (value(proc, 7), value(proc, 8)) == (str(WORKING), str(IDLE))


def test_background_work_that_waits_for_a_core_counts_as_work(proc: Path):
    """With a weight of 15 against two busy loops it gets less than what counts as work, however much it has to do."""
    priorities = SessionPriorities(proc)
    priorities.adjust([], [SessionUse(7, 100, 5.0), SessionUse(8, 100, 5.0)], now=10.0)
    priorities.adjust([], [SessionUse(7, 101, 7.6), SessionUse(8, 101, 7.8)], now=13.0)
    assert (value(proc, 7), value(proc, 8)) == (str(IDLE), str(WORKING))
    priorities.adjust([], [SessionUse(7, 102, 7.6), SessionUse(8, 102, 1.0)], now=16.0)  # a thread of it has ended
    assert (value(proc, 7), value(proc, 8)) == (str(IDLE), str(IDLE))


def test_what_answers_requests_keeps_its_share_while_it_idles(proc: Path):
    priorities = SessionPriorities(proc)
    for turn in range(3):
        priorities.adjust([SessionUse(7, 0)], [SessionUse(8, 0)], now=3.0 * turn)
    assert (value(proc, 7), value(proc, 8)) == (str(WORKING), str(IDLE))


def test_an_unchanged_value_is_given_once(proc: Path):
    priorities = SessionPriorities(proc)
    for turn in range(3):
        priorities.adjust([SessionUse(8, 0)], [SessionUse(7, 0)], now=3.0 * turn)
    for leader in (7, 8):
        (proc / str(leader) / "autogroup").write_text("untouched")
    priorities.adjust([SessionUse(8, 0)], [SessionUse(7, 0)], now=9.0)
    assert (value(proc, 7), value(proc, 8)) == ("untouched", "untouched")


def test_a_kernel_without_groups_and_a_session_that_is_gone_are_no_error(proc: Path):
    priorities = SessionPriorities(proc)
    for turn in range(2):
        priorities.adjust([SessionUse(9, 0)], [SessionUse(6, 0), SessionUse(7, 0)], now=3.0 * turn)
    assert value(proc, 7) == str(IDLE)


def test_a_refused_request_is_repeated(proc: Path, monkeypatch: pytest.MonkeyPatch):
    refusals = [OSError(errno.EAGAIN, "too many")] * 2
    write = Path.write_text

    def refusing(path: Path, text: str) -> int:
        if refusals:
            raise refusals.pop()
        return write(path, text)

    monkeypatch.setattr(Path, "write_text", refusing)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    SessionPriorities(proc).adjust([SessionUse(7, 0)], [], now=3.0)
    assert not refusals
    assert value(proc, 7) == str(WORKING)


def test_use_of_a_session_counts_its_processes_and_those_of_its_descendants():
    code = "import subprocess, sys, time\n"
    code += "inner = 'import time\\nt = time.process_time() + 0.1\\nwhile time.process_time() < t: pass\\n'\n"
    code += "inner += 'print(flush=True); import signal; signal.pause()'\n"
    code += "subprocess.Popen([sys.executable, '-c', inner], start_new_session=True).wait()"
    with subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE, text=True
    ) as outer:
        assert outer.stdout is not None
        outer.stdout.readline()
        try:
            alone = {one.leader for one in session_use({outer.pid: False})[outer.pid]}
            found = {one.leader: one.ticks for one in session_use({outer.pid: True})[outer.pid]}
        finally:
            for leader in {one.leader for one in session_use({outer.pid: True})[outer.pid]}:
                os.killpg(leader, 9)
    assert alone == {outer.pid}
    assert len(found) == 2
    [inner] = found.keys() - {outer.pid}
    assert found[inner] >= 0.1 * TICKS


def test_waiting_for_a_core_is_counted_where_it_is_asked_for():
    core = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, [{core}])\nwhile True: pass"
    with ExitStack() as ended:
        loops = [subprocess.Popen([sys.executable, "-c", code], start_new_session=True) for _ in range(2)]
        for loop in loops:
            ended.callback(loop.wait)
            ended.callback(loop.kill)
        leaders = {loop.pid: False for loop in loops}
        deadline = time.monotonic() + 60
        while min(use.waited_s for [use] in session_use(leaders, waiting=leaders).values()) < 0.2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert [use.waited_s for [use] in session_use(leaders).values()] == [0.0, 0.0]
