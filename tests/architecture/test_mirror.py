"""The unit tests mirror the package: a module with behaviour has a test file of its name in the folder of its room."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "include" / "llmbatch"
TESTS = REPOSITORY / "tests" / "unit"

ELSEWHERE: Mapping[str, str] = {
    "cluster/replica/replica_actor.py": "tests/integration/ray/jobs/test_cluster_jobs.py",
}
"""Modules whose behaviour is tested on real parts only, by the test that does it."""


def has_behaviour(source: str) -> bool:
    """Return whether a module defines a function or method that does more than pass arguments to a constructor."""
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(source)))


def modules() -> list[Path]:
    found = (path for path in PACKAGE.rglob("*.py") if path.name not in {"__init__.py", "__main__.py"})
    return sorted(path.relative_to(PACKAGE) for path in found if has_behaviour(path.read_text(encoding="utf-8")))


def test_every_module_has_a_test_file_of_its_name() -> None:
    without = [
        path.as_posix()
        for path in modules()
        if path.as_posix() not in ELSEWHERE and not (TESTS / path.parent / f"test_{path.name}").exists()
    ]
    assert without == []


def test_exemptions_name_what_exists() -> None:
    assert {path for path in ELSEWHERE if not (PACKAGE / path).exists()} == set()
    assert {test for test in ELSEWHERE.values() if not (REPOSITORY / test).exists()} == set()


def test_the_rule_sees_what_it_asks_for() -> None:
    assert has_behaviour("class A:\n    def b(self) -> int:\n        return 1\n")
    assert not has_behaviour('NAME = "a"\n')
