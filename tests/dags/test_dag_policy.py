"""What every DAG file of ours must be: owned, tagged, retried, short, quick and light to parse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
HEAVY = [
    "ray",
    "vllm",
    "torch",
    "transformers",
    "pyarrow",
    "boto3",
    "botocore",
    "numpy",
    "pandas",
    "airflow.providers.amazon",
]
PARSE_SHARE = 0.5
"""Of the processor time that importing Airflow takes, which every parse pays first: about half a second."""

_PROBE = """
import json, sys, time
start = time.process_time()
from airflow.sdk import DAG, BaseOperator, Param, task
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
ready = time.process_time()
__import__(sys.argv[2])
share = (time.process_time() - ready) / (ready - start)
print(json.dumps({"share": share, "modules": sorted(set(sys.modules) - before)}))
"""


_OPENED = """
import json, sys
from airflow.sdk import DAG, BaseOperator, Param, task
sys.path.insert(0, sys.argv[1])
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
__import__(sys.argv[2])
print(json.dumps(opened))
"""
"""Prints the files that parsing opens. The DAG's own file, or the cached one of that name, is among them."""


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


def test_there_are_dags() -> None:
    assert DAG_FILES


def test_they_import(bag: Any) -> None:
    assert bag.import_errors == {}
    assert {dag.fileloc for dag in bag.dags.values()} == {str(path) for path in DAG_FILES}


def test_owner_tags_docs_and_retries(bag: Any) -> None:
    for dag in bag.dags.values():
        assert "llmbatch" in dag.tags
        assert dag.description
        assert dag.doc_md
        assert dag.max_active_runs
        assert dag.catchup is False
        for task in dag.tasks:
            assert task.owner == "llmbatch", task.task_id
            assert task.retries >= 2, task.task_id
            assert task.retry_exponential_backoff, task.task_id
            assert timedelta(0) < task.retry_delay <= task.max_retry_delay


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_wiring_only(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 80


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_parsing_is_quick_and_loads_nothing_heavy(path: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include"), "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(path.parent), path.stem],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    heavy = [name for name in found["modules"] if any(name == h or name.startswith(f"{h}.") for h in HEAVY)]
    assert heavy == []
    assert found["share"] < PARSE_SHARE


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_parsing_reads_no_setting(path: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include"), "AIRFLOW_HOME": str(tmp_path)}
    environment["LLMBATCH_CONFIG"] = str(ROOT / "config" / "config.yaml")
    done = subprocess.run(
        [sys.executable, "-c", _OPENED, str(path.parent), path.stem],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    opened = [Path(name) for name in json.loads(done.stdout.splitlines()[-1])]
    assert [name for name in opened if name.name.startswith(f"{path.stem}.")]
    assert [name for name in opened if name.suffix in {".yaml", ".yml"}] == []


def test_plugins_are_registered_by_one_file_with_a_name_of_its_own() -> None:
    ignored = (ROOT / "plugins" / ".airflowignore").read_text().splitlines()
    assert "llmbatch_gateway/" in ignored
    assert [path.name for path in (ROOT / "plugins").glob("*.py")] == ["llmbatch_plugin.py"]
