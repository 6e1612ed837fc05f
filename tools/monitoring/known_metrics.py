"""Every metric that a rule or a dashboard may query, with its labels.

Those of llmbatch come from its catalogue. Those of others are the lists below: what Ray 2.60 and Airflow 3.3 export, as
far as it is used here, and what Prometheus adds. A name that a new version no longer exports is an empty panel and a
rule that never fires, without an error: so each list is what `prometheus.yml` keeps and what tests accept.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmbatch.core.metrics import CATALOGUE, Kind

TARGET_LABELS = frozenset({"job", "instance"})
"""What Prometheus adds to every series that it scrapes."""

_NODE = frozenset({"ip", "SessionName", "IsHeadNode", "RayNodeType"})
_GPU = _NODE | {"GpuIndex", "GpuDeviceName", "GpuUuid"}
_CORE = frozenset({"NodeAddress", "SessionName", "Component", "WorkerId"})
_TASK = frozenset({"dag_id", "task_id"})
_POOL = frozenset({"pool_name"})
_TIMED = ("_sum", "_count")

RAY: Mapping[str, frozenset[str]] = {
    "ray_node_cpu_utilization": _NODE,
    "ray_node_cpu_count": _NODE,
    "ray_node_mem_used": _NODE,
    "ray_node_mem_total": _NODE,
    "ray_node_disk_usage": _NODE,
    "ray_node_disk_free": _NODE,
    "ray_node_gpus_available": _GPU,
    "ray_node_gpus_utilization": _GPU,
    "ray_node_gram_used": _GPU,
    "ray_node_gram_available": _GPU,
    "ray_node_gpu_power_milliwatts": _GPU,
    "ray_node_gpu_temperature_celsius": _GPU,
    "ray_cluster_active_nodes": frozenset({"node_type", "SessionName"}),
    "ray_cluster_pending_nodes": frozenset({"node_type", "SessionName"}),
    "ray_cluster_failed_nodes": frozenset({"node_type", "SessionName"}),
    "ray_actors": _CORE | {"State", "Name", "JobId", "Source"},
    "ray_object_store_memory": _CORE | {"Location", "ObjectState"},
    "ray_object_store_available_memory": _CORE,
    "ray_object_store_used_memory": _CORE,
    "ray_resources": _CORE | {"Name", "State"},
    "ray_memory_manager_worker_eviction_total": _CORE | {"Type", "Name"},
    "ray_node_manager_unexpected_worker_failure_total": _CORE | {"Type", "Name"},
    "ray_running_jobs": _CORE,
    "ray_finished_jobs_total": _CORE,
}
"""Of Ray's own endpoint. Memory of GPUs is in MiB, utilisations are in percent; nodes without a GPU lack these."""

AIRFLOW: Mapping[str, frozenset[str]] = {
    "airflow_scheduler_heartbeat": frozenset(),
    "airflow_triggerer_heartbeat": frozenset(),
    "airflow_dag_processor_heartbeat": frozenset(),
    "airflow_dag_processing_import_errors": frozenset(),
    "airflow_dag_processing_total_parse_time": frozenset(),
    "airflow_pool_open_slots": _POOL,
    "airflow_pool_queued_slots": _POOL,
    "airflow_pool_running_slots": _POOL,
    "airflow_pool_deferred_slots": _POOL,
    "airflow_pool_scheduled_slots": _POOL,
    "airflow_pool_starving_tasks": _POOL,
    "airflow_triggers_running": frozenset({"hostname"}),
    "airflow_triggerer_capacity_left": frozenset({"hostname"}),
    "airflow_triggers_failed": frozenset(),
    "airflow_triggers_blocked_main_thread": frozenset(),
    "airflow_executor_open_slots": frozenset({"executor_class_name", "status"}),
    "airflow_executor_queued_tasks": frozenset({"executor_class_name", "status"}),
    "airflow_executor_running_tasks": frozenset({"executor_class_name", "status"}),
    "airflow_ti_finish": _TASK | {"state"},
    "airflow_deadline_alerts_deadline_created": frozenset({"dag_id"}),
    "airflow_deadline_alerts_deadline_missed": frozenset({"dag_id"}),
    "airflow_deadline_alerts_deadline_not_missed": frozenset({"dag_id"}),
    "airflow_scheduler_orphaned_tasks_cleared": frozenset(),
    "airflow_task_instances_without_heartbeats_killed": _TASK,
    **{f"airflow_task_duration{part}": _TASK for part in _TIMED},
    **{f"airflow_task_scheduled_duration{part}": _TASK for part in _TIMED},
    **{f"airflow_dagrun_duration_success{part}": frozenset({"dag_id"}) for part in _TIMED},
    **{f"airflow_dagrun_duration_failed{part}": frozenset({"dag_id"}) for part in _TIMED},
}
"""Of Airflow's StatsD client with tags, through the StatsD exporter, which turns milliseconds into seconds."""

PROMETHEUS: Mapping[str, frozenset[str]] = {
    "up": frozenset(),
    "ALERTS": frozenset({"alertname", "alertstate", "severity", "team", "job_id"}),
    "scrape_duration_seconds": frozenset(),
    "scrape_samples_scraped": frozenset(),
}


def llmbatch_metrics() -> dict[str, frozenset[str]]:
    """Return the series of the catalogue with their labels; a histogram has its three kinds of series."""
    known: dict[str, frozenset[str]] = {}
    for metric in CATALOGUE:
        labels = frozenset(metric.labels)
        if metric.kind is Kind.HISTOGRAM:
            known[f"{metric.name}_bucket"] = labels | {"le"}
            known[f"{metric.name}_sum"] = known[f"{metric.name}_count"] = labels
        else:
            known[metric.name] = labels
    return known


def known_metrics() -> dict[str, frozenset[str]]:
    """Return every series that may be queried, with all labels that it can have."""
    every = {**llmbatch_metrics(), **RAY, **AIRFLOW, **PROMETHEUS}
    return {name: labels | TARGET_LABELS for name, labels in every.items()}
