"""``make test``: the tests of every room, each to its end also when another is red, and at last one line for each.

``python tests/rooms.py <make> <target>...`` runs ``<make> <target>`` for each. Exit code 1 if any is red.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Room:
    """How the tests of one room ended. ``failed`` holds errors of fixtures; ``is_green`` goes by the exit code."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    is_green: bool

    def line(self) -> str:
        """Return one line for a person."""
        counts = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        return f"{'ok  ' if self.is_green else 'FAIL'} {self.name:<13} {self.seconds:6.0f} s  {counts}"


def run(make: str, name: str, report: Path) -> Room:
    """Run one target; its pytest writes its counts to ``report``. Without a report the room counts as one failure."""
    options = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junitxml={report}"
    began = time.monotonic()
    done = subprocess.run(
        [make, "--no-print-directory", name], env=os.environ | {"PYTEST_ADDOPTS": options}, check=False
    )
    seconds, is_green = time.monotonic() - began, done.returncode == 0
    if not report.is_file():
        return Room(name, 0, 1, 0, seconds, is_green=False)
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    tests, failures, errors, skipped = (
        sum(int(suite.get(key, "0")) for suite in suites) for key in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    return Room(name, tests - failed - skipped, failed if failed or is_green else 1, skipped, seconds, is_green)


def main(make: str, names: list[str]) -> int:
    """Run all rooms and print how each ended; the last line counts the tests of all."""
    rooms = []
    with tempfile.TemporaryDirectory(prefix="llmbatch-tests-") as folder:
        for name in names:
            print(f"\n== {name}", flush=True)
            rooms.append(run(make, name, Path(folder) / f"{name}.xml"))
    print("\n" + "\n".join(room.line() for room in rooms))
    print(f"{sum(room.passed for room in rooms)} passed, {sum(room.failed for room in rooms)} failed", flush=True)
    return 0 if all(room.is_green for room in rooms) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
