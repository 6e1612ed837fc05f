"""Samples of Ray, Airflow and Prometheus itself, as far as rules and dashboards use them."""

from __future__ import annotations

from fakes.samples import Sample, grows, series, steps, wave

GIB = 1024**3
NODES = ("gpu-1:8090", "gpu-2:8090")
POOLS = ("default_pool", "llmbatch")
TASKS = ("stage", "admit", "run", "publish")


def ray_samples() -> list[Sample]:
    """Return two nodes with one GPU each, one of which has killed a worker."""
    nodes = [sample for number, node in enumerate(NODES) for sample in _node(node, number)]
    head = {"job": "ray", "instance": NODES[0]}
    return [
        *nodes,
        *(series(f"ray_cluster_{state}_nodes", n, **head, node_type="gpu") for state, n in
          (("active", 2), ("pending", 0), ("failed", 0))),
        *(series("ray_actors", n, **head, State=state, Source="gcs", Name="Replica", JobId="01") for state, n in
          (("ALIVE", 5), ("PENDING_CREATION", 1), ("DEAD", 3))),
        series("ray_running_jobs", 2, **head),
        series("ray_finished_jobs_total", grows(0.001), **head),
    ]  # fmt: skip


def _node(node: str, number: int) -> list[Sample]:
    at = {"job": "ray", "instance": node, "ip": node.split(":", maxsplit=1)[0]}
    core = {"job": "ray", "instance": node, "NodeAddress": at["ip"]}
    gpu = {**at, "GpuIndex": "0", "GpuDeviceName": "GPU"}
    used = wave(68_000 + 3000 * number, 800, 15)
    return [
        series("ray_node_cpu_utilization", wave(35 + 20 * number, 10), **at),
        series("ray_node_cpu_count", 32, **at),
        series("ray_node_mem_used", wave((90 + 20 * number) * GIB, 4 * GIB), **at),
        series("ray_node_mem_total", 256 * GIB, **at),
        series("ray_node_disk_usage", grows(2e5, (400 + 100 * number) * GIB), **at),
        series("ray_node_disk_free", 900 * GIB, **at),
        series("ray_node_gpus_available", 1, **gpu),
        series("ray_node_gpus_utilization", wave(88 - 5 * number, 9, 6), **gpu),
        series("ray_node_gram_used", used, **gpu),
        series("ray_node_gram_available", lambda second: 81_559 - used(second), **gpu),
        series("ray_node_gpu_power_milliwatts", wave(520_000, 60_000, 6), **gpu),
        series("ray_node_gpu_temperature_celsius", wave(66, 4), **gpu),
        *(series("ray_object_store_memory", wave(n * GIB, 0.1 * GIB), **core, Location=place) for place, n in
          (("MMAP_SHM", 3), ("SPILLED", 0.3), ("WORKER_HEAP", 0.2))),
        series("ray_object_store_available_memory", wave(60 * GIB, 3 * GIB), **core),
        series("ray_object_store_used_memory", wave(3 * GIB, GIB), **core),
        series("ray_resources", 64 * GIB, **core, Name="object_store_memory", State="AVAILABLE"),
        series("ray_memory_manager_worker_eviction_total", grows(0, number), **core, Type="MemoryManager"),
        series("ray_node_manager_unexpected_worker_failure_total", grows(0.0002 * number), **core),
        series("up", 1, job="ray", instance=node),
    ]  # fmt: skip


def airflow_samples() -> list[Sample]:
    """Return what Airflow sends through the StatsD exporter, and the endpoints beside Ray's."""
    at = {"job": "statsd", "instance": "statsd:9102"}
    return [
        *(series(f"airflow_{process}_heartbeat", grows(0.2), **at) for process in
          ("scheduler", "triggerer", "dag_processor")),
        series("airflow_dag_processing_import_errors", 0, **at),
        series("airflow_dag_processing_total_parse_time", wave(2, 0.3), **at),
        *(sample for number, pool in enumerate(POOLS) for sample in _pool(at, pool, 4 + 3 * number)),
        series("airflow_triggers_running", wave(6, 2), **at, hostname="triggerer"),
        series("airflow_triggerer_capacity_left", wave(994, 2), **at, hostname="triggerer"),
        series("airflow_triggers_failed", grows(0), **at),
        series("airflow_triggers_blocked_main_thread", grows(0), **at),
        *(series(f"airflow_executor_{what}", wave(n, n / 4), **at, status=what, executor_class_name="LocalExecutor")
          for what, n in (("open_slots", 28), ("queued_tasks", 2), ("running_tasks", 4))),
        *(series("airflow_ti_finish", grows(rate), **at, dag_id="llmbatch_inference", task_id="run", state=state)
          for state, rate in (("success", 0.01), ("failed", 0.0005), ("skipped", 0.002))),
        *(series(f"airflow_deadline_alerts_deadline_{what}", grows(rate), **at, dag_id="llmbatch_inference")
          for what, rate in (("created", 0.002), ("not_missed", 0.0016), ("missed", 0.0002))),
        series("airflow_scheduler_orphaned_tasks_cleared", grows(0), **at),
        series("airflow_task_instances_without_heartbeats_killed", steps(4000), **at, dag_id="d", task_id="run"),
        *(sample for number, task in enumerate(TASKS, 1) for what in ("task_duration", "task_scheduled_duration")
          for sample in _timer(f"airflow_{what}", number * 9, dag_id="llmbatch_inference", task_id=task, **at)),
        *(sample for what in ("success", "failed")
          for sample in _timer(f"airflow_dagrun_duration_{what}", 1800, dag_id="llmbatch_inference", **at)),
        *(series("up", 1, job=job, instance=job) for job in ("llmbatch", "statsd", "prometheus", "alertmanager")),
        series("scrape_duration_seconds", wave(0.02, 0.004), job="llmbatch", instance="llmbatch"),
        series("scrape_samples_scraped", 400, job="llmbatch", instance="llmbatch"),
        series("ALERTS", 1, alertname="LlmbatchJobBurnRateHigh", alertstate="firing", severity="critical",
               team="platform", job_id="nightly-eval"),
        series("ALERTS", wave(1, 0), alertname="LlmbatchWatchdog", alertstate="firing", severity="none"),
    ]  # fmt: skip


def _pool(at: dict[str, str], pool: str, running: float) -> list[Sample]:
    slots = {"open_slots": 32 - running, "running_slots": running, "queued_slots": 2, "deferred_slots": 3,
             "scheduled_slots": 1, "starving_tasks": 1}  # fmt: skip
    return [series(f"airflow_pool_{what}", wave(n, n / 5), **at, pool_name=pool) for what, n in slots.items()]


def _timer(name: str, seconds: float, **labels: str) -> list[Sample]:
    return [
        series(f"{name}_sum", lambda second: 0.003 * second * (seconds + second / 3600), **labels),
        series(f"{name}_count", grows(0.003), **labels),
    ]
