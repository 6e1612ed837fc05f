"""The shape of the DAG that starts jobs for dropped inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmbatch.core.identity import DROP_DAG

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags")).dags[DROP_DAG]


def test_one_scan_at_a_time(dag: Any) -> None:
    assert [task.task_id for task in dag.tasks] == ["scan"]
    assert dag.max_active_runs == 1
    assert dag.catchup is False


def test_it_is_woken_by_the_asset_and_every_half_hour(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    found = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    first = found.next_dagrun_info(last_automated_run_info=None)
    assert first is not None
    assert first.run_after.minute in {0, 30}
    assert [asset.name for _, asset in found.timetable.asset_condition.iter_assets()] == ["llmbatch_inboxes"]
