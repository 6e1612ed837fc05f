"""Which waiting job Airflow starts first, in a real metadata database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.airflow_home import airflow_environment

ROOT = Path(__file__).parents[2]

_START_RUNS = """
import json, sys
from datetime import UTC, datetime
from airflow.utils.db import initdb
initdb()
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.models.trigger import handle_event_submit
from airflow.triggers.base import TriggerEvent
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

DagBundlesManager().sync_bundles_to_db()
sync_bag_to_db(DagBag(sys.argv[1]), "dags-folder", None)
found = {}


def look(word):
    with create_session() as session:
        for ti in session.scalars(select(TaskInstance)).unique():
            found.setdefault(ti.run_id, {}).setdefault(ti.task_id, {})[word] = ti.priority_weight


with create_session() as session:
    dag = DBDagBag().get_latest_version_of_dag("llmbatch_inference", session=session)
    session.get(DagModel, "llmbatch_inference").is_paused = False
    for run_id, conf in json.loads(sys.argv[2]).items():
        dag.create_dagrun(
            run_id=run_id, run_after=datetime(2020, 1, 1, tzinfo=UTC), conf=conf, run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST, state=DagRunState.QUEUED, session=session,
        )
look("created")
with create_session() as session:
    SchedulerJobRunner(job=Job())._start_queued_dagruns(session)
look("started")
with create_session() as session:
    for ti in session.scalars(select(TaskInstance).where(TaskInstance.task_id.in_(["run", "watch"]))).unique():
        ti.state, ti.next_method, ti.next_kwargs = TaskInstanceState.DEFERRED, "resume", {}
        session.flush()
        handle_event_submit(TriggerEvent({}), task_instance=ti, session=session)
look("resumed")
with create_session() as session:
    tis = session.scalars(select(TaskInstance).where(TaskInstance.task_id == "run")).unique().all()
    for ti in tis:
        ti.state = TaskInstanceState.FAILED
    session.flush()
    clear_task_instances(tis, session)
look("cleared")
print(json.dumps(found))
"""

CONFS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "high": {"priority": 40},
    "low": {"priority": -100},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, int]]]:
    """Start a run with each conf in a database of its own; return weights by run, task and moment."""
    home = tmp_path_factory.mktemp("airflow")
    environment = airflow_environment(home)
    dag_file = str(ROOT / "dags" / "llmbatch_inference.py")
    done = subprocess.run(
        [sys.executable, "-c", _START_RUNS, dag_file, json.dumps(CONFS)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_waiting_jobs_start_by_priority(weights: dict[str, dict[str, dict[str, int]]]) -> None:
    assert {run_id: tasks["run"]["started"] for run_id, tasks in weights.items()} == {
        "none": 101,
        "high": 141,
        "low": 1,
    }


def test_a_cleared_run_waits_by_priority_again(weights: dict[str, dict[str, dict[str, int]]]) -> None:
    assert all(tasks["run"]["cleared"] == tasks["run"]["started"] for tasks in weights.values())


def test_a_run_that_goes_on_comes_before_every_job_that_waits(weights: dict[str, dict[str, dict[str, int]]]) -> None:
    most = max(tasks["run"]["started"] for tasks in weights.values())
    assert all(tasks["run"]["resumed"] > most for tasks in weights.values())


def test_other_tasks_keep_the_weights_of_airflow(weights: dict[str, dict[str, dict[str, int]]]) -> None:
    for tasks in weights.values():
        for task_id in tasks.keys() - {"run"}:
            assert len(set(tasks[task_id].values())) == 1, task_id
