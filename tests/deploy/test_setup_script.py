"""`deploy/setup_production.sh`: bats tests over fakes of docker, ssh and the machine's programs; and shellcheck."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmbatch_stack.install import tools
from llmbatch_stack.settings import load

ROOT = Path(__file__).parents[2]
SUITES = sorted((ROOT / "tests" / "deploy" / "setup").glob("*.bats"))
SCRIPTS = [ROOT / "deploy" / "setup_production.sh", *sorted((ROOT / "deploy" / "setup").glob("*.sh"))]
FAKES = [path for path in sorted((ROOT / "tests" / "deploy" / "setup" / "fakes").iterdir()) if path.is_file()]
MOST_LINES = 250


def _program(name: str) -> str:
    """Return the path of a program. Without it a test is skipped, and fails where ``CI`` is set."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else tools.find(load({}), name)
    if found is not None:
        return str(found)
    text = f"no {name}: run `make install`, or install it so that PATH has it"
    if os.environ.get("CI"):
        pytest.fail(f"{text}; nothing is skipped where CI is set")
    pytest.skip(text)


def _tests_of(suite: Path) -> int:
    return sum(line.startswith("@test ") for line in suite.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_the_script_does_what_its_page_says(suite: Path) -> None:
    done = subprocess.run(
        [_program("bats"), "--tap", str(suite)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    passed = [line for line in done.stdout.splitlines() if line.startswith("ok ") and " # skip" not in line]
    assert len(passed) == _tests_of(suite), done.stdout


def test_every_script_is_shellcheck_clean() -> None:
    done = subprocess.run(
        [_program("shellcheck"), "--external-sources", "--exclude=SC1091", *map(str, SCRIPTS), *map(str, FAKES)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_part_is_short(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) < MOST_LINES


def test_every_part_is_loaded() -> None:
    """A part that the script does not source would be dead code, and the workers get some of them."""
    text = SCRIPTS[0].read_text(encoding="utf-8")
    (listed,) = text.split("for part in ")[1:]
    loaded = listed.split("; do")[0].replace("\\\n", " ").split()
    assert sorted(loaded) == sorted(path.stem for path in SCRIPTS[1:])
