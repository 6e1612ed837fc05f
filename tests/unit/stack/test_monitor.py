"""`make monitor` where it cannot work: it says what is missing and what to do."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch_stack import monitor
from llmbatch_stack.components.catalogue import monitored_with
from llmbatch_stack.install import tools
from llmbatch_stack.process import record
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.process.table import identify
from llmbatch_stack.readiness import StackError
from llmbatch_stack.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load({}), state=tmp_path)


def _supervise(settings: Settings) -> None:
    """Pretend that this process is the supervisor; what is tested here does not signal it."""
    own = identify(os.getpid())
    assert own is not None
    supervisor = Record(record.SUPERVISOR, ComponentPhase.READY, own.pid, own.start_ticks, time.time())
    record.write(settings.run, supervisor)


@pytest.mark.parametrize("verb", [lambda settings: monitor.start(settings, print), monitor.stop])
def test_without_a_stack_it_says_what_to_do(settings: Settings, verb):
    with pytest.raises(StackError, match="the stack is not up; run `make up`"):
        verb(settings)
    assert monitored_with(settings) is None


def test_missing_programs_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    _supervise(settings)
    monkeypatch.setattr(tools, "find", lambda _, program: None)
    with pytest.raises(StackError, match=r"missing programs: prometheus, prometheus-alertmanager\. Run `make install`"):
        monitor.start(settings, print)
    assert monitored_with(settings) is None


def test_stopping_what_does_not_run_changes_nothing(settings: Settings):
    _supervise(settings)
    assert not monitor.stop(settings)
