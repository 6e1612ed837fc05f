"""The dashboard Engine and cluster: GPUs, nodes, actors and memory of Ray, and the store."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from llmbatch.core.config import Config
from monitoring.dashboards.board import Section, Strip, board
from monitoring.dashboards.cluster_work import LIVE, engines, store
from monitoring.dashboards.panels import NO_GPU, NO_JOB, Query, Target, lines, number
from monitoring.dashboards.promql import GPU, GPU_MEMORY_RATIO

_NODE = "{{instance}}"
_GPU = "{{instance}} GPU {{GpuIndex}}"
NO_FAULT = "none since the start of Ray"


def cluster(config: Config) -> Dashboard:
    """Return the dashboard."""
    return board(
        "cluster",
        "Engine and cluster",
        "GPUs, nodes, actors and memory, as Ray reports them; and the object store.",
        [
            Section("Cluster now", [Strip(4, _now())]),
            Section("GPUs", [Strip(7, _gpus(Target(config.monitoring.targets.gpu_memory_ratio)))]),
            Section("Nodes", [Strip(7, _nodes())]),
            Section("Ray", [Strip(7, _ray())]),
            Section("Engines", [Strip(7, engines(), (5, 4, 5, 5, 5))]),
            Section("Store", [Strip(7, store())]),
        ],
    )


def _now() -> list[Panel]:
    return [
        number(
            "Nodes",
            "Nodes that report to Prometheus.",
            "none",
            Query("count(max by (instance) (ray_node_mem_total))"),
        ),
        number(
            "GPUs",
            "GPUs of all nodes.",
            "none",
            Query("sum(max by (instance, GpuIndex) (ray_node_gpus_available))"),
            no_value=NO_GPU,
        ),
        number(
            "Live engines",
            "Engines of all running jobs that answer.",
            "none",
            Query(f"sum({LIVE})"),
            no_value=NO_JOB,
        ),
        number(
            "Workers killed for memory",
            "Workers that Ray killed for lack of memory since it started. Run fewer on a node.",
            "none",
            Query("sum(ray_memory_manager_worker_eviction_total)"),
            target=Target(1),
            no_value=NO_FAULT,
        ),
        number(
            "Ray jobs",
            "Ray jobs that run.",
            "none",
            Query("sum(max by (instance) (ray_running_jobs))"),
        ),
        number(
            "Ray endpoints down",
            "Metrics endpoints of Ray's nodes that do not answer.",
            "none",
            Query('count(up{job="ray"}) - sum(up{job="ray"})'),
            target=Target(1),
        ),
    ]


def _gpus(memory: Target) -> list[Panel]:
    return [
        lines(
            "GPU utilisation",
            "Part of the time in which a GPU computes. Low with a running job: it waits or loads its model.",
            "percent",
            Query(f"max by {GPU} (ray_node_gpus_utilization)", _GPU),
            top=100,
            no_value=NO_GPU,
        ),
        lines(
            "GPU memory",
            "Part of each GPU's memory in use. A high, flat line is normal: an engine reserves its part at its start.",
            "percentunit",
            Query(f"max by {GPU} ({GPU_MEMORY_RATIO})", _GPU),
            target=memory,
            top=1,
            no_value=NO_GPU,
        ),
        lines(
            "GPU memory in bytes",
            "Memory of each GPU in use.",
            "bytes",
            Query(f"max by {GPU} (ray_node_gram_used) * 1048576", _GPU),
            no_value=NO_GPU,
        ),
        lines(
            "GPU power",
            "Power that each GPU draws.",
            "watt",
            Query(f"max by {GPU} (ray_node_gpu_power_milliwatts) / 1000", _GPU),
            no_value=NO_GPU,
        ),
    ]


def _nodes() -> list[Panel]:
    return [
        lines(
            "Nodes by state",
            "Nodes as Ray's autoscaler counts them. A failed node took its engines along; their rows run again.",
            "short",
            Query("sum(max by (node_type) (ray_cluster_active_nodes)) or vector(0)", "active"),
            Query("sum(max by (node_type) (ray_cluster_pending_nodes)) or vector(0)", "pending"),
            Query("sum(max by (node_type) (ray_cluster_failed_nodes)) or vector(0)", "failed"),
        ),
        lines(
            "CPU",
            "Utilisation of the processors of each node.",
            "percent",
            Query("max by (instance) (ray_node_cpu_utilization)", _NODE),
            top=100,
        ),
        lines(
            "Memory",
            "Part of each node's memory in use. Above 95 % Ray kills workers.",
            "percentunit",
            Query("max by (instance) (ray_node_mem_used / ray_node_mem_total)", _NODE),
            top=1,
        ),
        lines(
            "Disk",
            "Part of each node's disk in use. The object store spills to it, and models are kept on it.",
            "percentunit",
            Query("max by (instance) (ray_node_disk_usage / (ray_node_disk_usage + ray_node_disk_free))", _NODE),
            top=1,
        ),
    ]


def _ray() -> list[Panel]:
    return [
        lines(
            "Actors by state",
            "Actors of Ray: engines, the driver of each job, and Ray's own.",
            "short",
            Query('sum by (State) (ray_actors{Source="gcs"})', "{{State}}"),
            no_value="no actor",
            stacked=True,
        ),
        lines(
            "Killed and failed workers",
            "Workers that Ray killed for lack of memory, and that ended unexpectedly, in each hour.",
            "short",
            Query("sum by (instance) (increase(ray_memory_manager_worker_eviction_total[1h]))", "memory {{instance}}"),
            Query(
                "sum by (instance) (increase(ray_node_manager_unexpected_worker_failure_total[1h]))",
                "failed {{instance}}",
            ),
            no_value=NO_FAULT,
        ),
        lines(
            "Object store by place",
            "Memory of Ray's objects. Spilled objects are on the disk: work is slower than it is read.",
            "bytes",
            Query("sum by (Location) (ray_object_store_memory)", "{{Location}}"),
            stacked=True,
        ),
        lines(
            "Free object store",
            "Memory of Ray's object store that is free, by node.",
            "bytes",
            Query("max by (instance) (ray_object_store_available_memory)", _NODE),
        ),
    ]
