"""Airflow stores class paths. A module that moves takes its deferred tasks, deadlines and serialized DAGs with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airflow.sdk._shared.module_loading import import_string

from llmbatch.orchestrator.deployment.names import START_ORDER
from llmbatch.orchestrator.drop_folder.trigger import InboxTrigger
from llmbatch.orchestrator.ray_jobs.trigger import RayJobTrigger
from llmbatch.orchestrator.tasks.run_end import RunEnd
from llmbatch.orchestrator.watch.deadlines import CALLBACK
from llmbatch.orchestrator.watch.trigger import EtaTrigger
from llmbatch.provider.dag_bundle import PackagedDags
from llmbatch.provider.plugin import LlmbatchPlugin

ROOT = Path(__file__).parents[2]

TRIGGERS = {
    "llmbatch.orchestrator.ray_jobs.trigger.RayJobTrigger",
    "llmbatch.orchestrator.tasks.run_end.RunEnd",
    "llmbatch.orchestrator.watch.trigger.EtaTrigger",
}
WATCHERS = {"llmbatch.orchestrator.drop_folder.trigger.InboxTrigger"}
CALLBACKS = {"llmbatch.orchestrator.watch.deadline_callback.look"}
REFERENCES = {"llmbatch.orchestrator.watch.deadlines.SlaDeadline"}
WEIGHT_RULES = {"llmbatch.orchestrator.deployment.start_order.RunPriority"}
IN_CONFIGURATIONS = {"llmbatch.provider.dag_bundle.PackagedDags"}
"""What users write into Airflow's configuration."""
IN_SERIALIZED_DAGS = {
    "llmbatch.orchestrator.tasks.job_run.JobRun",
    "llmbatch.orchestrator.tasks.job_start.JobStart",
    "llmbatch.orchestrator.tasks.settings_in_turn.SettingsInTurn",
    "llmbatch.orchestrator.watch.sensor.EtaSensor",
}


def test_triggers() -> None:
    ray = RayJobTrigger(submission_id="job-g1", ray_conn_id="ray")
    eta = EtaTrigger(job_uri="s3://b/j", store_conn_id="s3", dag_id="d", run_id="r", run_task_id="run")
    end = RunEnd(dag_id="d", run_id="r")
    assert {one.serialize()[0] for one in (ray, eta, end, InboxTrigger())} == TRIGGERS | WATCHERS


def test_deadlines() -> None:
    assert {CALLBACK} == CALLBACKS
    assert {f"{one.__module__}.{one.__qualname__}" for one in LlmbatchPlugin.deadline_references} == REFERENCES


def test_weight_rules() -> None:
    assert {START_ORDER} == WEIGHT_RULES
    assert {f"{one.__module__}.{one.__qualname__}" for one in LlmbatchPlugin.priority_weight_strategies} == WEIGHT_RULES


def test_configurations() -> None:
    assert {f"{PackagedDags.__module__}.{PackagedDags.__qualname__}"} == IN_CONFIGURATIONS


def test_serialized_dags() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    bags = [DagBag(str(ROOT / folder)) for folder in ("dags", "examples/scheduled_dag.py")]
    assert not any(bag.import_errors for bag in bags)
    dags = [dag for bag in bags for dag in bag.dags.values()]
    found = {path for dag in dags for path in _paths(DagSerialization.to_dict(dag))}
    assert found == IN_SERIALIZED_DAGS | CALLBACKS | REFERENCES | WEIGHT_RULES | WATCHERS


def test_every_stored_path_can_be_imported() -> None:
    for path in TRIGGERS | WATCHERS | CALLBACKS | REFERENCES | WEIGHT_RULES | IN_SERIALIZED_DAGS | IN_CONFIGURATIONS:
        assert callable(import_string(path)), path


def _paths(value: object) -> Iterator[str]:
    """Yield every class path of this package, and each operator's, which is stored as a module and a name."""
    if isinstance(value, dict):
        module = str(value.get("_task_module", ""))
        if module.startswith("llmbatch."):
            yield f"{module}.{value['task_type']}"
        for key, inner in value.items():
            if key != "_task_module":
                yield from _paths(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from _paths(inner)
    elif isinstance(value, str) and value.startswith("llmbatch.") and value.rpartition(".")[2].isidentifier():
        yield value
