"""``make test`` runs every room to its end, whatever the others did, and says how each ended."""

import sys
from pathlib import Path

import pytest

import rooms

MAKE = f"""#!{sys.executable}
import os, pathlib, sys

report = pathlib.Path(os.environ["PYTEST_ADDOPTS"].rpartition("--junitxml=")[2])
counts = {{
    "red": 'tests="5" failures="1" errors="1" skipped="1"',
    "green": 'tests="3" failures="0" errors="0" skipped="0"',
    "odd": 'tests="2" failures="0" errors="0" skipped="0"',
}}.get(sys.argv[-1])
if counts:
    report.write_text(f"<testsuites><testsuite {{counts}}/></testsuites>")
sys.exit(sys.argv[-1] != "green")
"""


@pytest.fixture(autouse=True)
def options_of_an_outer_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make test` runs these very tests with options of its own; pytest takes the last of two reports."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--durations=10 --junitxml=outer.xml")


@pytest.fixture
def make(tmp_path: Path) -> str:
    """A ``make`` whose targets end as their names say; ``dead`` leaves no report, ``odd`` fails without a red test."""
    program = tmp_path / "make"
    program.write_text(MAKE)
    program.chmod(0o755)
    return str(program)


def test_all_rooms_run_and_are_reported_also_when_the_first_is_red(make: str, capsys: pytest.CaptureFixture[str]):
    assert rooms.main(make, ["red", "dead", "odd", "green"]) == 1
    *_, red, dead, odd, green, total = capsys.readouterr().out.splitlines()
    assert _without_seconds(red) == "FAIL red 2 passed, 2 failed, 1 skipped"
    assert _without_seconds(green) == "ok green 3 passed, 0 failed, 0 skipped"
    assert _without_seconds(dead) == "FAIL dead 0 passed, 1 failed, 0 skipped"
    assert _without_seconds(odd) == "FAIL odd 2 passed, 1 failed, 0 skipped"
    assert total == "7 passed, 4 failed"


def test_green_rooms_are_green(make: str, capsys: pytest.CaptureFixture[str]):
    assert rooms.main(make, ["green", "green"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "6 passed, 0 failed"


def _without_seconds(line: str) -> str:
    state, name, _, _, *counts = line.split()
    return " ".join([state, name, *counts])
