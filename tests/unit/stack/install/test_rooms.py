"""When a room counts as finished, and what is done when it does not."""

import fcntl
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import pytest

from llmbatch_stack.install import rooms
from llmbatch_stack.install.command import InstallError
from llmbatch_stack.install.room import Room
from llmbatch_stack.install.uv import uv_room
from llmbatch_stack.process import record
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.process.table import identify
from llmbatch_stack.settings import Settings, load

LOCKS = {"local-airflow.lock": "a==1\nB_c==2 ; python_version < '4'\n    # via a\n", "local-ray.lock": "torch==2+cpu\n"}


@dataclass
class Commands:
    """Stands for the processes of an installation: notes each, makes the folders, fails or waits where it should."""

    listing: str = ""
    fails: Callable[[str], str] = lambda _: ""
    lines: list[str] = field(default_factory=list)
    environments: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stderr: IO[str] | None = None,
        **_: object,
    ) -> "subprocess.CompletedProcess[str]":
        line = " ".join(command)
        self.lines.append(line)
        self.environments[line] = env or {}
        if "venv" in command:
            interpreter = Path(command[-1]) / "bin" / "python"
            shutil.rmtree(command[-1], ignore_errors=True)
            interpreter.parent.mkdir(parents=True)
            interpreter.touch()
        wrong = self.fails(line)
        if wrong and stderr is not None:
            stderr.write(wrong)
        listing = self.listing if "config list" in line else ""
        return subprocess.CompletedProcess(command, bool(wrong), listing, "")

    def of(self, *words: str) -> list[str]:
        return [line for line in self.lines if all(word in line for word in words)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "requirements").mkdir()
    for name, text in {**LOCKS, "uv.txt": "uv==9\n"}.items():
        (tmp_path / "requirements" / name).write_text(text)
    return replace(load({}), repo=tmp_path, state=tmp_path / ".llmbatch")


@pytest.fixture
def room(settings: Settings) -> Room:
    first = rooms.both(settings)[0]
    first.venv.mkdir(parents=True)
    return first


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    fake = Commands()
    monkeypatch.setattr(subprocess, "run", fake.run)
    return fake


def finish(room: Room) -> None:
    room.python.parent.mkdir(parents=True, exist_ok=True)
    room.python.touch()
    room.stamp.write_text(json.dumps(room.wanted_stamp()))


def finish_all(settings: Settings) -> None:
    for room in [*rooms.both(settings), uv_room(settings)]:
        finish(room)
    settings.models.mkdir(parents=True)
    (settings.models / ".bundled.stamp").touch()


def test_stamp_of_a_finished_room_matches(room: Room):
    finish(room)
    assert room.found_stamp() == room.wanted_stamp()
    assert room.is_finished()


def test_changed_lock_makes_it_unfinished(room: Room):
    finish(room)
    room.lock.write_text("a==2\n")
    assert room.found_stamp() != room.wanted_stamp()
    assert not room.is_finished()
    assert room.is_outdated()


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"'])
def test_damaged_stamp_makes_it_unfinished(room: Room, text: str):
    finish(room)
    room.stamp.write_text(text)
    assert room.found_stamp() == {}
    assert not room.is_outdated()


def test_room_without_its_interpreter_is_unfinished_even_with_a_stamp(room: Room):
    finish(room)
    room.python.unlink()
    assert room.found_stamp() == {}
    assert not room.is_outdated()


@pytest.mark.parametrize("part", ["python", "folder"])
def test_other_python_or_folder_makes_a_room_anew(room: Room, part: str):
    finish(room)
    room.stamp.write_text(json.dumps(room.wanted_stamp() | {part: "other"}))
    assert not room.is_finished()
    assert not room.is_outdated()


def test_finished_install_starts_no_process(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    finish_all(settings)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    rooms.install(settings, report=pytest.fail)


def test_fresh_checkout_gets_uv_both_rooms_and_the_model(settings: Settings, commands: Commands):
    reported: list[str] = []
    rooms.install(settings, report=reported.append)
    assert "pip" in commands.of("-r", "requirements/uv.txt")[0]
    for room in rooms.both(settings):
        steps = commands.of(str(room.venv))[:3]
        assert "venv --clear" in steps[0]
        assert "pip sync" in steps[1]
        assert "--compile-bytecode" in steps[1]
        assert str(room.lock) in steps[1]
        assert steps[2].endswith(room.probe)
        assert room.is_finished()
    assert uv_room(settings).is_finished()
    assert commands.lines.index(commands.of("bundled_model")[0]) > commands.lines.index(
        commands.of("AutoModelForCausalLM")[0]
    )
    assert any("airflow: installing 2 packages" in line for line in reported)
    commands.lines.clear()
    rooms.install(settings, report=pytest.fail)
    assert commands.lines == []


def test_changed_lock_updates_the_room_in_place(settings: Settings, commands: Commands):
    finish_all(settings)
    airflow = rooms.both(settings)[0]
    airflow.lock.write_text("a==2\n")
    rooms.install(settings, report=lambda _: None)
    assert len(commands.of("pip sync", str(airflow.lock))) == 1
    assert commands.of("venv --clear") == []
    assert len(commands.of("pip sync")) == 1
    assert airflow.is_finished()


@pytest.mark.parametrize("before", ["first installation", "update"])
@pytest.mark.parametrize("moment", ["pip sync", "import airflow"])
def test_interrupted_room_is_made_anew(settings: Settings, commands: Commands, before: str, moment: str):
    airflow = rooms.both(settings)[0]
    if before == "update":
        finish_all(settings)
        airflow.lock.write_text("a==2\n")

    def interrupt(line: str) -> str:
        if moment in line and "ray" not in line:
            raise KeyboardInterrupt
        return ""

    commands.fails = interrupt
    with pytest.raises(KeyboardInterrupt):
        rooms.install(settings, report=lambda _: None)
    assert not airflow.is_finished()
    commands.fails = lambda _: ""
    commands.lines.clear()
    rooms.install(settings, report=lambda _: None)
    assert len(commands.of("venv --clear", str(airflow.venv))) == 1
    assert airflow.is_finished()


def test_interrupted_installation_of_uv_is_made_anew(settings: Settings, commands: Commands):
    finish_all(settings)
    lock = uv_room(settings).lock
    before = lock.read_text()
    lock.write_text("uv==10\n")
    commands.fails = lambda line: "no such release" if "uv.txt" in line else ""
    with pytest.raises(InstallError, match="no such release"):
        rooms.install(settings, report=lambda _: None)
    lock.write_text(before)
    assert not uv_room(settings).is_finished()
    commands.fails = lambda _: ""
    commands.lines.clear()
    rooms.install(settings, report=lambda _: None)
    assert len(commands.of("-m venv --clear", str(uv_room(settings).venv))) == 1


def test_packages_that_do_not_load_together_leave_no_stamp(settings: Settings, commands: Commands):
    commands.fails = lambda line: "nms does not exist" if "AutoModelForCausalLM" in line else ""
    with pytest.raises(InstallError, match="do not load together"):
        rooms.install(settings, report=lambda _: None)
    assert not rooms.both(settings)[1].is_finished()
    assert commands.of("bundled_model") == []


def test_sources_without_the_cpu_build_get_a_second_attempt(settings: Settings, commands: Commands):
    commands.listing = "global.extra-index-url='https://a.example/simple'\n"
    attempts: list[str] = []

    def first_fails(line: str) -> str:
        if "local-ray.lock" not in line:
            return ""
        attempts.append(commands.environments[line]["UV_INDEX"])
        return "no torch" if len(attempts) == 1 else ""

    commands.fails = first_fails
    rooms.install(settings, report=lambda _: None)
    assert attempts == ["https://a.example/simple", f"https://a.example/simple {rooms.TORCH_CPU_INDEX}"]


def test_room_without_a_cpu_build_gets_one_attempt(settings: Settings, commands: Commands):
    commands.fails = lambda line: "no a" if "local-airflow.lock" in line else ""
    with pytest.raises(InstallError, match="no a"):
        rooms.install(settings, report=lambda _: None)
    assert len(commands.of("local-airflow.lock")) == 1


def test_uv_gets_what_pip_is_configured_with(settings: Settings, commands: Commands):
    commands.listing = ":env:.no-index='1'\nglobal.find-links='/'\n"
    rooms.install(settings, report=lambda _: None)
    for line in commands.of("pip sync"):
        assert "--no-index" in line
        assert commands.environments[line]["UV_FIND_LINKS"] == "/"


def test_no_command_inherits_the_ban_on_bytecode(
    settings: Settings, commands: Commands, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    rooms.install(settings, report=lambda _: None)
    assert [line for line, env in commands.environments.items() if "PYTHONDONTWRITEBYTECODE" in env] == []


@pytest.mark.parametrize("compiler", [None, "/usr/bin/g++"])
def test_failed_build_without_a_compiler_names_the_package_of_debian(
    settings: Settings, commands: Commands, monkeypatch: pytest.MonkeyPatch, compiler: str | None
):
    monkeypatch.setattr(shutil, "which", lambda _: compiler)
    commands.fails = lambda line: "Failed to build `a==1`" if "local-airflow.lock" in line else ""
    with pytest.raises(InstallError, match="Failed to build") as caught:
        rooms.install(settings, report=lambda _: None)
    assert ("Debian: the package g++" in str(caught.value)) is (compiler is None)


def test_model_is_converted_while_the_other_room_is_made(settings: Settings, commands: Commands):
    converted = threading.Event()

    def wait(line: str) -> str:
        if "bundled_model" in line:
            converted.set()
        return "" if "local-airflow.lock" not in line or converted.wait(timeout=10) else "the model came too late"

    commands.fails = wait
    rooms.install(settings, report=lambda _: None)


def test_one_installation_at_a_time(settings: Settings):
    with rooms.one_at_a_time(settings):
        (path,) = settings.venv("uv").parent.glob("*.lock")
        with path.open("w") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_running_stack_keeps_its_files(settings: Settings):
    own = identify(os.getpid())
    assert own is not None
    record.write(settings.run, Record(record.SUPERVISOR, ComponentPhase.READY, own.pid, own.start_ticks))
    with pytest.raises(InstallError, match="make down"):
        rooms.install(settings, report=lambda _: None)
