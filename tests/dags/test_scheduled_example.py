"""The example that users copy parses, and what it sends is a valid request for a DAG that exists."""

from __future__ import annotations

from pathlib import Path

from llmbatch.core.job_request import parse_request

ROOT = Path(__file__).parents[2]


def test_example_starts_a_valid_job() -> None:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "examples" / "scheduled_dag.py"))
    assert bag.import_errors == {}
    start = bag.dags["nightly_answers"].get_task("start")
    assert parse_request(start.conf).sla_hours == 6
    assert (ROOT / "dags" / f"{start.trigger_dag_id}.py").exists()
    assert start.skip_when_already_exists
