"""What import contracts cannot say: a room's ``__init__`` is words only, DAG files wire, plugins register."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "include" / "llmbatch"
ROOMS = [path for path in sorted(PACKAGE.rglob("__init__.py")) if path.parent != PACKAGE]

WIRED = ("llmbatch.orchestrator.tasks", "llmbatch.orchestrator.watch", "llmbatch.orchestrator.deployment.names")
REGISTERED = ("llmbatch.provider.plugin",)


def is_words_only(source: str) -> bool:
    body = ast.parse(source).body
    return len(body) == 1 and ast.get_docstring(ast.parse(source)) is not None


def foreign(source: str, allowed: tuple[str, ...]) -> list[str]:
    """Return what a file imports of the package beside what is allowed."""
    named: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            named += [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            named += [one.name for one in node.names]
    ours = [name for name in named if name.partition(".")[0] == "llmbatch"]
    return [name for name in ours if not any(f"{name}.".startswith(f"{one}.") for one in allowed)]


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: str(path.parent.relative_to(PACKAGE)))
def test_a_room_has_a_docstring_and_no_code(path: Path) -> None:
    assert is_words_only(path.read_text(encoding="utf-8")), f"{path}: move the code into a module"


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE}
    assert {path.parent for path in ROOMS} == folders


@pytest.mark.parametrize(("folder", "allowed"), [("dags", WIRED), ("plugins", REGISTERED)])
def test_dags_and_plugins_are_thin(folder: str, allowed: tuple[str, ...]) -> None:
    files = sorted((REPOSITORY / folder).glob("*.py"))
    assert files
    assert {path.name: found for path in files if (found := foreign(path.read_text(encoding="utf-8"), allowed))} == {}


def test_the_rules_see_what_they_forbid() -> None:
    assert not is_words_only('"""Words."""\nfrom llmbatch.core import clock\n')
    assert not is_words_only("")
    assert foreign("from llmbatch.orchestrator.watchers import x", WIRED) == ["llmbatch.orchestrator.watchers.x"]
    assert foreign("import llmbatch.core.layout", WIRED) == ["llmbatch.core.layout"]
    assert foreign("from llmbatch.orchestrator.tasks import inference", WIRED) == []
