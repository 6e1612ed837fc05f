"""When a room counts as finished, and what is done when it does not."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch_stack import record, rooms
from llmbatch_stack.process import identify
from llmbatch_stack.record import Phase, Record
from llmbatch_stack.rooms import InstallError, Room
from llmbatch_stack.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "requirements").mkdir()
    for name in ("airflow", "ray"):
        (tmp_path / "requirements" / f"local-{name}.lock").write_text(
            "a==1\nB_c==2 ; python_version < '4'\n    # via a\n"
        )
    return replace(load({}), repo=tmp_path, state=tmp_path / ".llmbatch")


@pytest.fixture
def room(settings: Settings) -> Room:
    first = rooms.both(settings)[0]
    first.venv.mkdir(parents=True)
    return first


def finish(room: Room) -> None:
    room.venv.mkdir(parents=True, exist_ok=True)
    room.stamp.write_text(json.dumps(room.wanted_stamp()))


def test_stamp_of_a_finished_room_matches(room: Room):
    finish(room)
    assert room.found_stamp() == room.wanted_stamp()


def test_changed_lock_makes_it_unfinished(room: Room):
    finish(room)
    room.lock.write_text("a==2\n")
    assert room.found_stamp() != room.wanted_stamp()


def test_interrupted_pip_makes_it_unfinished_even_with_a_stamp(room: Room):
    finish(room)
    room.mark.touch()
    assert room.found_stamp() == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"'])
def test_damaged_stamp_makes_it_unfinished(room: Room, text: str):
    room.stamp.write_text(text)
    assert room.found_stamp() == {}


def test_finished_install_starts_no_process(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    for room in rooms.both(settings):
        finish(room)
    settings.models.mkdir(parents=True)
    (settings.models / ".bundled.stamp").touch()
    monkeypatch.setattr(rooms.subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    rooms.install(settings, tell=pytest.fail)


def test_running_stack_keeps_its_files(settings: Settings):
    own = identify(os.getpid())
    assert own is not None
    record.write(settings.run, Record(record.SUPERVISOR, Phase.READY, own.pid, own.start_ticks))
    with pytest.raises(InstallError, match="make down"):
        rooms.install(settings, tell=lambda _: None)


def test_failure_shows_the_end_of_the_log_and_where_it_is(tmp_path: Path):
    log = tmp_path / "x.log"
    with pytest.raises(InstallError, match=r"boom") as caught:
        rooms._run(log, ["sh", "-c", "echo boom >&2; exit 3"], hint="a hint")
    assert str(log) in str(caught.value)
    assert "a hint" in str(caught.value)


def test_bytecode_is_written_whatever_the_caller_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert rooms._run(tmp_path / "x.log", ["sh", "-c", "echo ${PYTHONDONTWRITEBYTECODE-unset}"]) == "unset\n"


def test_lock_names_are_canonical(room: Room):
    assert rooms._locked_names(room.lock) == {"a", "b-c"}
