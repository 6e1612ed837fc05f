"""The scripts of deploy/compose: their text, and the node of Ray that they start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from composed import FOLDER, ROOT

SCRIPTS = sorted(FOLDER.glob("*.sh"))


def checker(name: str) -> str:
    """Return the path of a program of requirements/dev.in. Without it a test is skipped, and fails in CI."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        text = f"no {name}: run `make install`"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return found


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_shellcheck_finds_nothing() -> None:
    run(checker("shellcheck"), *map(str, SCRIPTS))


def test_yamllint_finds_nothing() -> None:
    rules = "{line-length: {max: 140}, document-start: disable, braces: {max-spaces-inside: 0}}"
    configuration = f"{{extends: default, rules: {rules}}}"
    run(checker("yamllint"), "--strict", "-d", configuration, "docker-compose.yaml", "deploy/compose")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_executed(script: Path) -> None:
    assert os.access(script, os.X_OK)


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A folder whose `ray` prints its arguments."""
    program = tmp_path / "bin" / "ray"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    return tmp_path


def ray_arguments(folder: Path, role: str, **variables: str) -> list[str]:
    environment = {"PATH": f"{folder}/bin:/usr/bin:/bin", "RAY_TMPDIR": str(folder), "LLMBATCH_NODE_IP": "192.0.2.1"}
    command = ["sh", str(FOLDER / "ray-start.sh"), role]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment | variables)
    return done.stdout.splitlines()


def test_head_and_worker_of_one_address_share_no_port(started: Path) -> None:
    head = ray_arguments(started, "head")
    worker = ray_arguments(started, "worker", LLMBATCH_RAY_PORT_OFFSET="10", LLMBATCH_RAY_HOST="192.0.2.1")
    assert head[:2] == ["start", "--head"]
    assert {"--dashboard-host=0.0.0.0", "--num-cpus=0", "--node-ip-address=192.0.2.1"} <= set(head)
    assert "--address=192.0.2.1:6379" in worker
    ports = [{int(word.rpartition("=")[2]) for word in words if "port=" in word} for words in (head, worker)]
    assert len(ports[0]) >= 9
    assert ports[0] & ports[1] == set()


def test_logs_of_the_last_session_stay(started: Path) -> None:
    sessions = [started / "ray" / f"session_2026-01-0{day}_00-00-00_1_1" for day in (1, 2, 3)]
    for session in sessions:
        (session / "logs").mkdir(parents=True)
    ray_arguments(started, "head")
    assert [path.exists() for path in sessions] == [False, False, True]


def test_another_role_is_refused(started: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        ray_arguments(started, "both")
