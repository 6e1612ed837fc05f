"""Where the browser is found, how it is installed, and what a machine is told that cannot have it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from llmbatch_stack.install import browser


def program(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """PATH, which is empty at first."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


class FakeSystem:
    """Stands in for what is run: ``sudo -n true`` and apt."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path, *, uid: int = 0, fails: Sequence[str] = ()) -> None:
        monkeypatch.setattr(browser.subprocess, "run", self.run)
        monkeypatch.setattr(browser.os, "geteuid", lambda: uid)
        self.path, self.fails = path, fails
        self.commands: list[str] = []

    def run(self, command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        words = " ".join(command)
        self.commands.append(words)
        if any(fail in words for fail in self.fails):
            return subprocess.CompletedProcess(command, 100)
        if " install " in words:
            program(self.path, "chromium")
        return subprocess.CompletedProcess(command, 0)


@pytest.mark.parametrize("name", browser.NAMES)
def test_nothing_is_done_where_one_is(path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    system = FakeSystem(monkeypatch, path)
    assert browser.find() is None
    program(path, name)
    assert browser.install(report=pytest.fail)
    assert (browser.find(), system.commands) == (path / name, [])


@pytest.mark.parametrize("fails", [(), ("update",)])
def test_root_installs_it(path: Path, monkeypatch: pytest.MonkeyPatch, fails: tuple[str, ...]) -> None:
    system, reported = FakeSystem(monkeypatch, path, fails=fails), []
    program(path, "apt-get")
    assert browser.install(report=reported.append)
    assert reported == [f"browser: {path / 'chromium'} is installed"]
    assert system.commands == [
        "env DEBIAN_FRONTEND=noninteractive apt-get update --quiet",
        "env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "
        "chromium fonts-dejavu-core",
    ]


def test_others_do_it_with_sudo(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = FakeSystem(monkeypatch, path, uid=1000)
    for name in ("apt-get", "sudo"):
        program(path, name)
    assert browser.install(report=lambda _: None)
    assert [command.startswith("sudo -n ") for command in system.commands] == [True] * 3


@pytest.mark.parametrize("has_sudo", [False, True])
def test_who_may_not_is_told_the_command(path: Path, monkeypatch: pytest.MonkeyPatch, has_sudo: bool) -> None:
    system, reported = FakeSystem(monkeypatch, path, uid=1000, fails=["sudo"]), []
    for name in ("apt-get", "sudo")[: 1 + has_sudo]:
        program(path, name)
    assert not browser.install(report=reported.append)
    assert not any("apt-get" in command for command in system.commands)
    assert reported == [
        "browser: tests of pages need Chromium, and only root can install it. Run as root: "
        "apt-get update && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core"
    ]


def test_a_machine_without_apt_is_told_what_to_install(path: Path) -> None:
    reported: list[str] = []
    assert not browser.install(report=reported.append)
    assert reported == [
        "browser: this machine has no apt-get; install chromium or chromium-browser or google-chrome or "
        "google-chrome-stable so that PATH has it"
    ]


def test_what_apt_cannot_install_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeSystem(monkeypatch, path, fails=[" install "])
    program(path, "apt-get")
    reported: list[str] = []
    assert not browser.install(report=reported.append)
    assert reported == [f"browser: Chromium could not be installed. Look at what this says, as root: {browser.BY_HAND}"]


@pytest.mark.parametrize(("is_there", "code"), [(True, 0), (False, 1)])
def test_the_verb_fails_without_a_browser(monkeypatch: pytest.MonkeyPatch, is_there: bool, code: int) -> None:
    monkeypatch.setattr(browser, "install", lambda report: is_there)
    monkeypatch.setattr("sys.argv", ["browser"])
    assert browser.main() == code
