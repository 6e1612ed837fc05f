"""A fork of a process that has imported ahead finds all that tasks import."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.airflow_home import ROOT, airflow_environment

ROOMS = ROOT / "include" / "llmbatch" / "orchestrator"
OF_SERVERS = {"airflow.models", "airflow.models.taskinstance", "sqlalchemy"}
"""Imported by the api-server and the scheduler for what the plugin adds to them, never by a task."""
OF_NOTIFIERS = {"airflow.sdk.log"}
"""A notifier is the user's own, and few have one."""

PROBE = """
import json, sys, threading
from llmbatch.orchestrator.tasks.imports import import_ahead
import_ahead()
print(json.dumps([sorted(sys.modules), [each.name for each in threading.enumerate()]]))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], list[str]]:
    """Modules and threads of a fresh process that has imported ahead."""
    environment = airflow_environment(tmp_path_factory.mktemp("airflow"))
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    modules, threads = json.loads(done.stdout.splitlines()[-1])
    return set(modules), threads


def imported_late() -> dict[str, str]:
    """What functions of the orchestrator import when they are called, by module; with a file that does."""
    found = {}
    for path in ROOMS.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for node in (node for function in functions for node in ast.walk(function)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= dict.fromkeys(names, path.name)
    return found


def imported_by_dag_files() -> set[str]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "dags").glob("*.py")]
    froms = [node for tree in trees for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    return {name for name in names if (ROOT / "include" / Path(*name.split("."))).with_suffix(".py").exists()}


def test_tasks_find_all_that_they_import(seen: tuple[set[str], list[str]]) -> None:
    late = imported_late()
    assert late.keys() >= {"airflow.providers.amazon.aws.hooks.s3", *OF_SERVERS, *OF_NOTIFIERS}
    missing = {name: late[name] for name in late.keys() - OF_SERVERS - OF_NOTIFIERS - seen[0]}
    assert missing == {}


def test_dag_files_find_all_that_they_import(seen: tuple[set[str], list[str]]) -> None:
    wanted = imported_by_dag_files()
    assert "llmbatch.orchestrator.tasks.inference" in wanted
    assert wanted <= seen[0]


def test_plugins_are_loaded(seen: tuple[set[str], list[str]]) -> None:
    assert "llmbatch.gateway.mounted" in seen[0]


def test_no_thread_was_started_that_a_fork_would_lose(seen: tuple[set[str], list[str]]) -> None:
    assert seen[1] == ["MainThread"]
