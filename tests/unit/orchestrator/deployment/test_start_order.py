"""Weights of waiting tasks; with Airflow's database: tests/dags/test_start_order.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.orchestrator.deployment.start_order import STARTED_WEIGHT, RunPriority, StartOrder


def ti_of(task_id: str, conf: Any) -> Any:
    return SimpleNamespace(task_id=task_id, dag_run=SimpleNamespace(conf=conf), priority_weight=3)


@pytest.mark.parametrize(("priority", "weight"), [(-100, 1), (0, 101), (100, 201)])
def test_a_weight_is_positive_and_below_that_of_a_task_that_goes_on(priority: int, weight: int) -> None:
    assert RunPriority().get_weight(ti_of("run", {"priority": priority})) == weight < STARTED_WEIGHT


def test_a_task_without_its_run_has_the_weight_of_the_default() -> None:
    assert RunPriority().get_weight(SimpleNamespace(dag_run=None)) == 101  # type: ignore[arg-type]


@pytest.mark.parametrize(("rule", "weight"), [(RunPriority(), 106), (object(), 3)])
def test_only_tasks_with_the_rule_get_another_weight_at_the_start(rule: object, weight: int) -> None:
    run, other = ti_of("run", {"priority": 5}), ti_of("other", {"priority": 5})
    tasks = [SimpleNamespace(task_id="run", weight_rule=rule), SimpleNamespace(task_id="other", weight_rule=object())]
    started: Any = SimpleNamespace(get_dag=lambda: SimpleNamespace(tasks=tasks), task_instances=[run, other])
    StartOrder().on_dag_run_running(started, "started")
    assert (run.priority_weight, other.priority_weight) == (weight, 3)
