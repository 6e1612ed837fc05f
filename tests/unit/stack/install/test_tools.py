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


def bins(settings: Settings) -> Path:
    return settings.tools / "trixie" / "bin"


def test_ours_comes_first_and_path_second(settings: Settings, tmp_path: Path):
    assert tools.find(settings, "amtool") is None
    program(tmp_path / "path", "amtool")
    assert tools.find(settings, "amtool") == tmp_path / "path" / "amtool"
    program(bins(settings), "amtool")
    assert tools.find(settings, "amtool") == bins(settings) / "amtool"


def test_nothing_is_done_when_all_are_there(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("prometheus", "promtool", "alertmanager", "amtool", "docker-compose", "bats"):
        program(tmp_path / "path", name)
    monkeypatch.setattr(tools.subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    tools.install(settings, report=pytest.fail)


def test_a_machine_without_apt_is_told_what_to_install(settings: Settings):
    reported: list[str] = []
    tools.install(settings, report=reported.append)
    assert reported == [
        "tools: this machine has no apt-get; tests need prometheus, promtool, "
        "prometheus-alertmanager, amtool, docker-compose, bats: install them so that PATH has them"
    ]


class FakeApt:
    """Stands in for apt-get and dpkg-deb, on a machine of the suite bookworm."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *fails: str) -> None:
        for name in ("apt-get", "dpkg-deb"):
            program(tmp_path / "path", name)
        (tmp_path / "os-release").write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
        monkeypatch.setattr(tools, "_RELEASE", tmp_path / "os-release")
        monkeypatch.setattr(tools.subprocess, "run", self.run)
        self.fails = fails
        self.steps: list[str] = []
        self.sources = ""

    def run(
        self, command: Sequence[str], *, stdout: Any, cwd: Path | None = None, **_: Any
    ) -> subprocess.CompletedProcess[str]:
        [step] = [word for word in command if word in ("indextargets", "download", "update", "-x")]
        self.steps.append(step)
        if step == "indextargets":
            targets = ["a bookworm main", "a bookworm contrib", "b stable main", "other bookworm main"]
            return subprocess.CompletedProcess(command, 0, stdout="\n".join(targets))
        stdout.write(f"output of {step}\n")
        if step in self.fails:
            return subprocess.CompletedProcess(command, 100)
        assert cwd is not None
        if step == "download":
            self.sources = (cwd / "sources.list").read_text()
            (cwd / "a.deb").touch()
        if step == "-x":
            usr = Path(command[-1]) / "usr"
            for name in ("prometheus", "promtool", "amtool", "bats"):
                program(usr / "bin", name)
            program(usr / "libexec" / "docker" / "cli-plugins", "docker-compose")
            program(usr / "lib" / "bats-core", "common.bash")
            program(usr / "libexec" / "bats-core", "bats")
            (usr / "bin" / "prometheus-alertmanager").write_bytes(b"reads " + TEMPLATES + b"/x and more")
            (usr / "bin" / "prometheus-alertmanager").chmod(0o755)
            (usr / "share" / "prometheus" / "alertmanager").mkdir(parents=True)
            (usr / "share" / "prometheus" / "alertmanager" / "x").write_text("a template")
        return subprocess.CompletedProcess(command, 0)


@pytest.mark.parametrize("fails", [(), ("update",)])
def test_programs_are_unpacked_and_nothing_else_is_left(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: tuple[str, ...]
):
    """An update that fails for one of two addresses has still read the other."""
    apt, reported = FakeApt(monkeypatch, tmp_path, *fails), []
    program(bins(settings), "amtool")  # of an installation that had fewer programs
    (bins(settings) / "old").touch()
    tools.install(settings, report=reported.append)
    assert apt.steps == ["indextargets", "update", "download", "-x"]
    names = ["prometheus-alertmanager.real", *tools.PROGRAMS]
    assert sorted(path.name for path in bins(settings).iterdir()) == sorted(names)
    assert sorted(path.name for path in settings.tools.rglob("*") if path.name not in names) == [
        "bats-core", "bats-core", "bin", "common.bash", "lib", "libexec", "share", "trixie", "x",
    ]  # fmt: skip
    assert "ready after" in reported[0]
    tools.install(settings, report=pytest.fail)


def test_the_suite_comes_from_every_address_of_the_own_suite(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    apt = FakeApt(monkeypatch, tmp_path)
    tools.install(settings, report=lambda _: None)
    key = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    assert apt.sources == f"deb {key} a trixie main\ndeb {key} other trixie main\n"


def test_the_server_finds_its_templates_wherever_it_is_started(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    FakeApt(monkeypatch, tmp_path)
    tools.install(settings, report=lambda _: None)
    real = bins(settings) / "prometheus-alertmanager.real"
    text = real.read_bytes()
    assert len(text) == len(b"reads " + TEMPLATES + b"/x and more"), "a program of another length is a broken one"
    real.write_text(f'#!/bin/sh\nread line < {text.removeprefix(b"reads ").split()[0].decode()}; echo "$line $1"\n')
    monkeypatch.undo()
    command = [bins(settings) / "prometheus-alertmanager", "--version"]
    assert subprocess.run(command, capture_output=True, check=True, cwd="/").stdout == b"a template --version\n"


@pytest.mark.parametrize("step", ["download", "-x"])
def test_what_cannot_be_installed_shows_why_and_fails_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    FakeApt(monkeypatch, tmp_path, step)
    reported: list[str] = []
    tools.install(settings, report=reported.append)
    assert "nothing could be installed from Debian trixie" in reported[0]
    assert f"output of {step}" in reported[0]
    assert list(settings.tools.iterdir()) == []
