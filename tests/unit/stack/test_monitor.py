"""`make monitor` where it cannot work: it says what is missing and what to do."""

import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch_stack import monitor
from llmbatch_stack.components.catalogue import monitored_with
from llmbatch_stack.install import tools
from llmbatch_stack.process import record
from llmbatch_stack.process.ports import PortTaken
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.process.table import identify
from llmbatch_stack.readiness import StackError
from llmbatch_stack.settings import PORT_OFFSETS, Settings, load


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(tools, "find", lambda _, program: Path("/usr/bin") / program)
    return replace(load({}), state=tmp_path)


@pytest.fixture
def supervised(settings: Settings) -> Iterator[Settings]:
    """A stack whose supervisor runs and does nothing."""
    with subprocess.Popen(["/bin/sleep", "600"]) as process:
        found = identify(process.pid)
        assert found is not None
        supervisor = Record(record.SUPERVISOR, ComponentPhase.READY, found.pid, found.start_ticks, time.time())
        record.write(settings.run, supervisor)
        yield settings
        process.kill()


@pytest.mark.parametrize("verb", [lambda settings: monitor.start(settings, print), monitor.stop])
def test_without_a_stack_it_says_what_to_do(settings: Settings, verb):
    with pytest.raises(StackError, match="the stack is not up; run `make up`"):
        verb(settings)
    assert monitored_with(settings) is None


def test_missing_programs_are_named(supervised: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tools, "find", lambda _, program: None)
    with pytest.raises(StackError, match=r"missing programs: prometheus, prometheus-alertmanager\. Run `make install`"):
        monitor.start(supervised, print)
    assert monitored_with(supervised) is None


def test_stopping_what_does_not_run_changes_nothing(supervised: Settings):
    assert not monitor.stop(supervised)


def test_a_taken_port_leaves_the_stack_as_it_was(supervised: Settings):
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        base = int(squatter.getsockname()[1]) - PORT_OFFSETS["alertmanager"]
        with pytest.raises(PortTaken, match="alertmanager of alertmanager"):
            monitor.start(replace(supervised, port_base=base), print)
    assert monitored_with(supervised) is None
    assert record.read_all(supervised.run).keys() == {record.SUPERVISOR}


def test_what_does_not_come_up_is_stopped_again(supervised: Settings, monkeypatch: pytest.MonkeyPatch):
    """The supervisor of this test starts nothing, so its end is what `start` sees."""
    monkeypatch.setattr(monitor, "require_free", lambda *_: None)
    lines: list[str] = []
    with pytest.raises(StackError, match="the supervisor ended"):
        monitor.start(supervised, lines.append)
    assert lines == ["stopping the monitoring ..."]
    assert monitored_with(supervised) is None
