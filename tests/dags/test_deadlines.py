"""The deadlines of a run, as Airflow keeps them in a real metadata database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.airflow_home import airflow_environment
from llmbatch.core.sla_hours import DEFAULT_SLA_HOURS

ROOT = Path(__file__).parents[2]

_CREATE_RUNS = """
import json, sys
from datetime import UTC, datetime
from airflow.utils.db import initdb
initdb()
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagbag import DBDagBag
from airflow.models.deadline import Deadline
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

DagBundlesManager().sync_bundles_to_db()
sync_bag_to_db(DagBag(sys.argv[1]), "dags-folder", None)
RUN_AFTER = datetime(2030, 1, 1, tzinfo=UTC)
found = {}
for run_id, conf in json.loads(sys.argv[2]).items():
    with create_session() as session:
        dag = DBDagBag().get_latest_version_of_dag("llmbatch_inference", session=session)
        run = dag.create_dagrun(
            run_id=run_id, run_after=RUN_AFTER, conf=conf, run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST, state=DagRunState.QUEUED, session=session,
        )
        session.flush()
        rows = session.scalars(select(Deadline).where(Deadline.dagrun_id == run.id)).all()
        found[run_id] = sorted(
            ((row.deadline_time - RUN_AFTER).total_seconds() / 3600, row.callback.data["path"]) for row in rows
        )
print(json.dumps(found))
"""

CONFS: dict[str, tuple[dict[str, Any] | None, float]] = {
    "none": (None, DEFAULT_SLA_HOURS),
    "hours": ({"sla_hours": 2}, 2),
    "window": ({"completion_window": "10h"}, 10),
    "bad": ({"completion_window": "soon"}, DEFAULT_SLA_HOURS),
}


@pytest.fixture(scope="module")
def deadlines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[float, str]]]:
    """Create a run with each conf in a database of its own; return hours from ``run_after``, and callbacks."""
    home = tmp_path_factory.mktemp("airflow")
    environment = airflow_environment(home)
    confs = json.dumps({run_id: conf for run_id, (conf, _) in CONFS.items()})
    dag_file = str(ROOT / "dags" / "llmbatch_inference.py")
    done = subprocess.run(
        [sys.executable, "-c", _CREATE_RUNS, dag_file, confs],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("run_id", CONFS)
def test_a_run_gets_the_deadlines_of_its_own_promise(
    deadlines: dict[str, list[tuple[float, str]]], run_id: str
) -> None:
    hours = CONFS[run_id][1]
    assert [found for found, _ in deadlines[run_id]] == pytest.approx([0.7 * hours, hours])
    assert {path for _, path in deadlines[run_id]} == {"llmbatch.orchestrator.watch.deadline_callback.look"}
