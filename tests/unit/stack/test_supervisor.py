"""The supervisor follows the catalogue: it starts what is new and stops what is gone."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch_stack import supervisor as module
from llmbatch_stack.process import record
from llmbatch_stack.process.component import Component
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.settings import load
from llmbatch_stack.supervisor import Supervisor


def _sleeper(name: str) -> Component:
    return Component(name, ("/bin/sleep", "600"), {"PATH": "/usr/bin:/bin"}, check=lambda _: None)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_starts_what_is_new_and_stops_what_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = replace(load({}), state=tmp_path)
    settings.logs.mkdir()
    listed = ["first"]
    monkeypatch.setattr(module, "catalogue", lambda *_: [_sleeper(name) for name in listed])
    supervisor = Supervisor(settings)

    def ready() -> dict[str, Record]:
        found = record.read_all(settings.run)
        return {name: one for name, one in found.items() if one.phase is ComponentPhase.READY and one.is_alive()}

    supervisor.follow()
    try:
        _wait(lambda: ready().keys() == {"first"})
        first = ready()["first"]
        listed.append("second")
        record.write(settings.run, Record("never-followed", ComponentPhase.WAITING))
        supervisor.follow()
        _wait(lambda: ready().keys() == {"first", "second"})
        second = ready()["second"]
        assert ready()["first"] == first
        listed.remove("second")
        supervisor.follow()
        assert not second.is_alive()
        assert record.read_all(settings.run).keys() == {"first"}
        assert ready()["first"] == first
    finally:
        supervisor.stop()
    assert not first.is_alive()
