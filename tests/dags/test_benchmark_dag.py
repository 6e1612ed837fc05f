"""The shape of the DAG that compares settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmbatch.core.identity import BENCHMARK_DAG, INFERENCE_DAG
from llmbatch.orchestrator.tasks.settings_in_turn import SettingsInTurn

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))


@pytest.fixture(scope="module")
def dag(bag: Any) -> Any:
    return bag.dags[BENCHMARK_DAG]


def test_the_plan_is_measured_then_compared(bag: Any, dag: Any) -> None:
    assert {task.task_id: set(task.upstream_task_ids) for task in dag.tasks} == {
        "plan": set(),
        "measure": {"plan"},
        "compare": {"plan", "measure"},
    }
    assert isinstance(dag.get_task("measure"), SettingsInTurn)
    assert INFERENCE_DAG in bag.dags


def test_one_benchmark_at_a_time_and_only_on_request(dag: Any) -> None:
    assert dag.schedule is None
    assert dag.max_active_runs == 1


def test_it_can_be_serialized_with_its_form(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    found = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert (found.params["num_samples"], found.params["batch_sizes"], found.params["adopt"]) == (100, [], False)
