"""The example that users copy: short, found by Airflow, light to parse, and a valid request for a DAG that exists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_request import parse_request

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "scheduled_dag.py"
HEAVY = ("airflow.models", "airflow.providers", "sqlalchemy", "boto3", "botocore", "ray", "llmbatch.s3")

_MODULES = """
import json, sys
from airflow.sdk import DAG, BaseOperator
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
import scheduled_dag
print(json.dumps([sorted(set(sys.modules) - before), opened]))
"""


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(EXAMPLE), safe_mode=True)
    assert bag.import_errors == {}
    return bag.dags["nightly_answers"]


def test_it_is_ten_lines_of_a_file_that_airflow_reads(dag: Any) -> None:
    """Airflow skips files that do not hold the words "airflow" and "dag"; the import holds both."""
    assert len(EXAMPLE.read_text().splitlines()) <= 10
    assert dag.fileloc == str(EXAMPLE)


def test_it_starts_a_valid_job_on_the_folder_of_the_day_before(dag: Any) -> None:
    from airflow.sdk import macros

    task = dag.get_task("job")
    night = {"logical_date": datetime(2026, 1, 2, 2, tzinfo=UTC), "ds": "2026-01-02", "macros": macros}
    task.render_template_fields(night, task.get_template_env())
    request = parse_request(task.request)
    assert request.sla_hours == 6
    assert request.input_uri == "s3://llmbatch/inputs/nightly/2026-01-01/"
    assert (ROOT / "dags" / f"{INFERENCE_DAG}.py").exists()


def test_its_task_follows_the_policy_of_our_dags(dag: Any) -> None:
    (task,) = dag.tasks
    assert (task.owner, task.retries >= 2, task.retry_exponential_backoff) == ("llmbatch", True, True)
    assert "llmbatch" in dag.tags
    assert dag.description
    assert dag.doc_md


def test_parsing_loads_nothing_heavy_and_reads_no_setting(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include"), "AIRFLOW_HOME": str(tmp_path)}
    environment["LLMBATCH_CONFIG"] = str(ROOT / "config" / "config.yaml")
    command = [sys.executable, "-c", _MODULES, str(EXAMPLE.parent)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    modules, opened = json.loads(done.stdout.splitlines()[-1])
    assert [name for name in modules if f"{name}.".startswith(tuple(f"{one}." for one in HEAVY))] == []
    assert [name for name in opened if Path(name).suffix in {".yaml", ".yml"}] == []
