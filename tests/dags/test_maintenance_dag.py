"""The shape of the DAG that cleans up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llmbatch.core.config_sections import RetentionConfig
from llmbatch.core.identity import MAINTENANCE_DAG
from llmbatch.orchestrator.tasks.maintenance import EXPIRE_HOUR, JOB_DAGS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


@pytest.fixture(scope="module")
def dag(bag: Any) -> Any:
    return bag.dags[MAINTENANCE_DAG]


def test_two_tasks_that_do_not_wait_for_each_other(dag: Any) -> None:
    """Ray may be away: old data goes all the same."""
    assert {task.task_id: task.upstream_task_ids | task.downstream_task_ids for task in dag.tasks} == {
        "sweep_orphans": set(),
        "expire": set(),
    }


def test_it_runs_every_hour_one_at_a_time_and_so_meets_the_hour_of_retention(dag: Any) -> None:
    minute, *rest = dag.schedule.split()
    assert minute.isdigit()
    assert rest == ["*"] * 4
    assert 0 <= EXPIRE_HOUR < 24
    assert dag.max_active_runs == 1


def test_it_sweeps_the_jobs_of_dags_that_exist(bag: Any) -> None:
    assert set(JOB_DAGS) <= set(bag.dags)


def test_it_can_be_scheduled_and_serialized(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    found = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    first = found.next_dagrun_info(last_automated_run_info=None)
    assert first is not None
    assert first.run_after.minute == 17
    assert found.params["dry_run"] is False
    assert {name for name in found.params if found.params[name] is None} == set(RetentionConfig.model_fields)
    assert timedelta(0) < dag.default_args["retry_delay"]
