"""The shape of the DAG that delivers a job to another address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmbatch.core.identity import DELIVERY_DAG

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags")).dags[DELIVERY_DAG]


def test_one_task_only_on_request_and_never_paused_by_default(dag: Any) -> None:
    assert [task.task_id for task in dag.tasks] == ["deliver"]
    assert (dag.schedule, dag.is_paused_upon_creation) == (None, False)


def test_it_can_be_serialized_with_its_form(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    found = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert set(found.params) == {"job_id", "output_uri"}
