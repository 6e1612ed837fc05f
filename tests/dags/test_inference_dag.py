"""The shape of the DAG that runs a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmbatch.core.job_request import JobRequest
from llmbatch.orchestrator.pools import RAY_POOL

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags" / "llmbatch_inference.py")).dags["llmbatch_inference"]


def test_the_wiring(dag: Any) -> None:
    down = {task.task_id: set(task.downstream_task_ids) for task in dag.tasks}
    assert {task_id for task_id, below in down.items() if "stage" in below} == {"accept"}
    assert {"run", "watch"} <= down["stage"]
    assert down["watch"] == set()
    assert down["run"] == {"publish"}
    assert down["publish"] == {"report"}
    assert set(dag.get_task("publish").upstream_task_ids) == {"run", "accept"}


def test_run_looks_for_the_manifest_before_it_asks_ray(dag: Any) -> None:
    run = dag.get_task("run")
    assert (run.done_uri.key, run.done_conn_id.key) == ("manifest_uri", "store_conn_id")


def test_only_run_takes_a_slot_of_the_ray_pool(dag: Any) -> None:
    pools = {task.task_id: task.pool for task in dag.tasks}
    assert pools.pop("run") == RAY_POOL
    assert set(pools.values()) == {"default_pool"}


def test_it_waits_for_no_schedule_and_takes_a_job_request(dag: Any) -> None:
    assert dag.schedule is None
    assert set(dag.params) == set(JobRequest.model_fields)


def test_publish_announces_results(dag: Any) -> None:
    assert [outlet.name for outlet in dag.get_task("publish").outlets] == ["llmbatch_results"]


def test_it_survives_serialization(dag: Any) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    found = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    run = found.get_task("run")
    assert {link.name: link.xcom_key for link in run.operator_extra_links} == {
        "Ray dashboard": "ray_dashboard_link",
        "Results": "ray_results_link",
    }
    assert found.params["sla_hours"] == 24
