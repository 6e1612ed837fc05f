"""Where programs are found, and what is reported when they are not available."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmbatch_stack.install import tools
from llmbatch_stack.settings import Settings, load

TEMPLATES = b"/usr/share/prometheus/alertmanager"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return replace(load({}), repo=tmp_path, state=tmp_path / ".llmbatch")


def program(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_ours_comes_first_and_path_second(settings: Settings, tmp_path: Path):
    assert tools.find(settings, "amtool") is None
    program(tmp_path / "path", "amtool")
    assert tools.find(settings, "amtool") == tmp_path / "path" / "amtool"
    program(settings.tools / "bin", "amtool")
    assert tools.find(settings, "amtool") == settings.tools / "bin" / "amtool"


def test_nothing_is_done_when_all_are_there(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program(tmp_path / "path", "amtool")
    program(tmp_path / "path", "alertmanager")
    monkeypatch.setattr(tools.subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    tools.install(settings, report=pytest.fail)


def test_a_machine_without_apt_is_told_what_to_install(settings: Settings):
    reported: list[str] = []
    tools.install(settings, report=reported.append)
    assert reported == [
        "tools: this machine has no apt-get; tests of monitoring need prometheus-alertmanager, amtool: "
        "install them so that PATH has them"
    ]


def fake_apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: set[str]) -> list[str]:
    """Stand in for apt-get and dpkg-deb; return what is run, filled later."""
    for name in ("apt-get", "dpkg-deb"):
        program(tmp_path / "path", name)
    ran: list[str] = []

    def run(command: Sequence[str], *, stdout: Any, cwd: Path, **_: Any) -> subprocess.CompletedProcess[str]:
        words = [word for word in command if word in ("download", "update", "-x")]
        step = f"{words[0]}{' with own lists' if any('Lists' in word for word in command) else ''}"
        ran.append(step)
        stdout.write(f"output of {step}\n")
        if step in fails:
            return subprocess.CompletedProcess(command, 100)
        if words[0] == "download":
            (Path(cwd) / "a.deb").touch()
        if words[0] == "-x":
            usr = Path(command[-1]) / "usr"
            program(usr / "bin", "amtool")
            (usr / "bin" / "prometheus-alertmanager").write_bytes(b"reads " + TEMPLATES + b"/x and more")
            (usr / "share" / "prometheus" / "alertmanager").mkdir(parents=True)
            (usr / "share" / "prometheus" / "alertmanager" / "x").write_text("a template")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(tools.subprocess, "run", run)
    return ran


@pytest.mark.parametrize(
    ("fails", "steps"),
    [
        (set(), ["download", "-x"]),
        ({"download"}, ["download", "update with own lists", "download with own lists", "-x"]),
    ],
)
def test_programs_are_unpacked_and_nothing_else_is_left(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: set[str], steps: list[str]
):
    ran, reported = fake_apt(monkeypatch, tmp_path, fails), []
    tools.install(settings, report=reported.append)
    assert ran == steps
    names = ["amtool", "bin", "prometheus-alertmanager", "prometheus-alertmanager.real", "share", "x"]
    assert sorted(path.name for path in settings.tools.rglob("*")) == names
    assert "ready after" in reported[0]


def test_the_server_finds_its_templates_wherever_it_is_started(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fake_apt(monkeypatch, tmp_path, set())
    tools.install(settings, report=lambda _: None)
    real = settings.tools / "bin" / "prometheus-alertmanager.real"
    text = real.read_bytes()
    assert len(text) == len(b"reads " + TEMPLATES + b"/x and more"), "a program of another length is a broken one"
    real.write_text(f'#!/bin/sh\nread line < {text.removeprefix(b"reads ").split()[0].decode()}; echo "$line $1"\n')
    monkeypatch.undo()
    command = [settings.tools / "bin" / "prometheus-alertmanager", "--version"]
    assert subprocess.run(command, capture_output=True, check=True, cwd="/").stdout == b"a template --version\n"


def test_a_download_that_fails_shows_why_and_fails_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fake_apt(monkeypatch, tmp_path, {"download", "update with own lists"})
    reported: list[str] = []
    tools.install(settings, report=reported.append)
    assert "apt-get cannot download prometheus-alertmanager" in reported[0]
    assert "output of update with own lists" in reported[0]
    assert list(settings.tools.iterdir()) == []
