"""The shape of the DAG that runs a job."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped

from llmbatch.core.config import CONFIG_ENV
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_request import JobRequest
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.deployment.names import RAY_POOL
from llmbatch.orchestrator.tasks import inference as tasks
from llmbatch.orchestrator.tasks.form import form_params

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags" / "llmbatch_inference.py")).dags[INFERENCE_DAG]


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


def test_what_holds_a_worker_has_a_time_limit(dag: Any) -> None:
    """`run` and `watch` wait without a worker, for as long as their job takes."""
    limits = {task.task_id: task.execution_timeout for task in dag.tasks}
    assert (limits.pop("run"), limits.pop("watch")) == (None, None)
    assert all(limit is not None for limit in limits.values()), limits
    assert limits["stage"] > timedelta(hours=1)  # 10 million rows at 3,000 a second
    assert limits["publish"] > timedelta(hours=1)


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


class _Job:
    """One run of the DAG's first two tasks over a memory store, without Airflow's server."""

    def __init__(self, dag: Any, monkeypatch: pytest.MonkeyPatch, **conf: Any) -> None:
        self.store = MemoryStore()
        self.store.put("s3://llmbatch/in/a.jsonl", b'{"prompt": "hi"}\n')
        self.pushed: dict[str, Any] = {}
        conf = {"input_uri": "s3://llmbatch/in/a.jsonl", **conf}
        defaults = {name: param.value for name, param in form_params().items() if param.has_value}
        run = SimpleNamespace(
            dag_id="d",
            run_id="r",
            run_after=datetime(2030, 1, 1, tzinfo=UTC),
            conf=conf,
            triggering_user_name="ann",
        )
        pusher = SimpleNamespace(xcom_push=lambda key, value: self.pushed.update({key: value}), map_index=-1)
        self._context = {"dag_run": run, "params": defaults | conf, "ti": pusher}
        self._dag = dag
        monkeypatch.setattr(tasks, "_store", lambda conn_id: self.store)
        monkeypatch.setattr(tasks, "get_current_context", lambda: self._context)
        monkeypatch.setenv(CONFIG_ENV, str(ROOT / "config" / "config.yaml"))
        self.accepted = tasks.accept()

    def stage(self) -> Any:
        task = self._dag.get_task("stage")
        operator = copy(task)
        operator.op_kwargs = {"job_uri": self.accepted["job_uri"], "store_conn_id": self.accepted["store_conn_id"]}
        return operator.execute({**self._context, "task": task})


def test_a_dry_run_ends_with_stage(dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _Job(dag, monkeypatch, dry_run=True, idempotency_key="k")
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        job.stage()
    assert set(skipped.value.tasks) == {"run", "watch", "publish", "report"}
    assert job.pushed["dry_run"]["rows"] == 1
    assert job.pushed["dry_run"]["admission"]["verdict"] == "accepted"
    layout = JobLayout(job.accepted["job_uri"])
    assert layout.dry_run in job.store.objects
    assert not [uri for uri in job.store.objects if uri.startswith(layout.staged)]


def test_any_other_job_goes_on_after_stage(dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _Job(dag, monkeypatch)
    assert job.stage() == {"rows": 1, "invalid_rows": 0, "shards": 1}
    assert job.pushed == {}


def test_accept_tells_the_verdict(dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    admission = _Job(dag, monkeypatch).accepted["admission"]
    assert admission["verdict"] == "accepted"
    assert {"eta_p50", "eta_p90", "earliest_finish", "replicas_needed"} <= set(admission)
