"""Alerts about what jobs depend on: store, exporter, gateway, StatsD, Airflow, Ray, disks, backups, pagers."""

from __future__ import annotations

from monitoring.rule import Rule, Severity, counted

_UNDELIVERED = counted('llmbatch_alert_deliveries_total{result="given_up"}', "30m")
_BACKUPS = counted('llmbatch_backups_total{result="ok"}', "26h")
_ERRORS = 'llmbatch:store_requests:rate5m{result="error"}'
_REQUESTS = "sum(llmbatch:store_requests:rate5m)"
_SCANS = 'llmbatch_drop_scans_total{result="ok"}'
_SCANNED = counted(_SCANS, "90m")
_RAY_DOWN = 'up{job="ray"} == 0'
_RAY_DEAD = 'sum by (job) (up{job="ray"}) == 0'


def platform_rules() -> tuple[Rule, ...]:
    """Return the alerts."""
    return (*_store_rules(), *_path_rules(), *_airflow_rules(), *_machine_rules())


def _store_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchStoreErrors",
            f"{_ERRORS} / on () group_left () {_REQUESTS} > 0.05 and {_ERRORS} > 0.1",
            Severity.CRITICAL,
            "Requests to the object store fail.",
            "{{ $value | humanizePercentage }} of the requests to the store fail after all retries. First check the "
            "store's own status and the credentials of the connection llmbatch_s3.",
            hold="5m",
        ),
        Rule(
            "LlmbatchStoreSlow",
            f"llmbatch:store_request_seconds:p95_10m > 2 and on () {_REQUESTS} > 0.1",
            Severity.WARNING,
            "The object store answers slowly.",
            "95 % of the requests to the store take up to {{ $value | humanizeDuration }}. First check the store's "
            "load and the network to it: commits and heartbeats wait for it.",
            hold="10m",
        ),
    )


def _path_rules() -> tuple[Rule, ...]:
    """From the product to the pager."""
    return (
        Rule(
            "LlmbatchAlertUndelivered",
            f"sum by (sink) ({_UNDELIVERED}) > 0",
            Severity.CRITICAL,
            "An alert of a job has not reached its receiver.",
            "{{ $value | humanize }} alerts to {{ $labels.sink }} were given up in 30 minutes. First run "
            "llmbatch.cli.check_alerts, which tries every receiver; the alerts are in the task log.",
        ),
        Rule(
            "LlmbatchExporterStale",
            "time() - max(llmbatch_exporter_last_success_timestamp_seconds) > 120"
            " or absent(llmbatch_exporter_last_success_timestamp_seconds)",
            Severity.CRITICAL,
            "The metrics of jobs are old or missing.",
            "{{ if gt $value 1.0 }}The metrics of jobs are {{ $value | humanizeDuration }} old.{{ else }}There are no "
            "metrics of jobs.{{ end }} No alert about a job can be trusted. First read the log of the gateway for "
            "event=metrics_not_read; then check the store and Airflow's API.",
            hold="2m",
        ),
        Rule(
            "LlmbatchGatewayDown",
            'up{job="llmbatch"} == 0 or absent(up{job="llmbatch"})',
            Severity.CRITICAL,
            "The gateway does not answer Prometheus.",
            "A scrape of the gateway {{ $labels.instance }} fails, or it is no target (value {{ $value }}). First open "
            "Prometheus' page of targets: 401 is a wrong API key, a refused connection is a dead api-server.",
            hold="2m",
        ),
        Rule(
            "LlmbatchStatsdDown",
            'up{job="statsd"} == 0 or absent(up{job="statsd"})',
            Severity.CRITICAL,
            "The StatsD exporter does not answer Prometheus.",
            "A scrape of the StatsD exporter {{ $labels.instance }} fails, or it is no target (value {{ $value }}). "
            "Alerts about Airflow are blind. First restart the exporter; then check its port from Airflow's machines.",
            hold="5m",
        ),
        Rule(
            "LlmbatchClockSkew",
            "max(abs(llmbatch_exporter_clock_skew_seconds)) > 5",
            Severity.WARNING,
            "The clocks of the gateway and the store differ.",
            "The clocks differ by {{ $value | humanizeDuration }}. Deadlines and ages of heartbeats are wrong by as "
            "much, and a store refuses requests from 15 minutes on. First check NTP on the gateway's machine.",
            hold="5m",
        ),
        Rule(
            "LlmbatchWatchdog",
            "vector(1)",
            Severity.NONE,
            "Prometheus, Alertmanager and the way to the pager work.",
            "This alert always fires (value {{ $value }}). Its receiver must raise an alarm when it is missing.",
        ),
    )


def _airflow_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchSchedulerSilent",
            "(sum(rate(airflow_scheduler_heartbeat[5m])) or vector(0)) == 0",
            Severity.CRITICAL,
            "Airflow's scheduler sends no heartbeats.",
            "Airflow's scheduler has sent {{ $value }} heartbeats in 5 minutes: no job starts and no task goes on. "
            "First check that its process runs and reaches the database.",
            hold="2m",
        ),
        Rule(
            "LlmbatchTriggererSilent",
            "(sum(rate(airflow_triggerer_heartbeat[5m])) or vector(0)) == 0",
            Severity.CRITICAL,
            "Airflow's triggerer sends no heartbeats.",
            "Airflow's triggerer has sent {{ $value }} heartbeats in 5 minutes: no job is watched and no deferred task "
            "goes on. First check that its process runs and reaches the database.",
            hold="2m",
        ),
        Rule(
            "LlmbatchPoolStarving",
            'max by (pool_name) (airflow_pool_starving_tasks{pool_name=~"llmbatch.*"}) > 0'
            " and on (pool_name) max by (pool_name) (airflow_pool_running_slots)"
            " + on (pool_name) max by (pool_name) (airflow_pool_deferred_slots) == 0",
            Severity.WARNING,
            "Tasks wait for a pool that nothing uses.",
            "{{ $value }} tasks wait for the pool {{ $labels.pool_name }} and none runs in it. First check that the "
            "pool has as many slots as a task takes.",
            hold="30m",
        ),
        Rule(
            "LlmbatchDropFolderSilent",
            f"sum(count_over_time({_SCANS}[1d])) unless on () sum({_SCANNED}) > 0",
            Severity.WARNING,
            "The drop folder is no longer scanned.",
            "No scan of the drop folder has succeeded in 90 minutes ({{ $value }} samples of a day): uploads start no "
            "jobs. First check that the DAG llmbatch_drop_folder is not paused; then read the log of its last run.",
            hold="5m",
        ),
        Rule(
            "LlmbatchBackupMissing",
            f'count(up{{job="statsd"}} offset 26h) unless on () sum({_BACKUPS}) > 0',
            Severity.WARNING,
            "There is no recent backup.",
            "No backup has succeeded in 26 hours, seen by {{ $value }} StatsD exporter. First read the log of the last "
            "backup; then run one by hand.",
            hold="5m",
        ),
    )


def _machine_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchRayNodeDown",
            # a dead cluster is one alert, not one for each node
            f'label_replace({_RAY_DOWN} unless on (job) {_RAY_DEAD}, "cluster", "degraded", "", "")'
            f' or label_replace({_RAY_DEAD}, "cluster", "down", "", "")',
            Severity.CRITICAL,
            "A node of the Ray cluster, or all of it, does not answer Prometheus.",
            "{{ with $labels.instance }}{{ . }} does{{ else }}All nodes of the Ray cluster do{{ end }} not answer (up "
            "is {{ $value }}). First check in Ray's dashboard which nodes are alive; then restart the dead ones.",
            hold="2m",
        ),
        Rule(
            "LlmbatchDiskFull",
            "max by (instance) (ray_node_disk_usage / (ray_node_disk_usage + ray_node_disk_free)) > 0.9",
            Severity.CRITICAL,
            "The disk of a node is nearly full.",
            "The disk of {{ $labels.instance }} is {{ $value | humanizePercentage }} full; above 95 % Ray can no "
            "longer spill objects. First delete old sessions in Ray's temporary folder and unused model downloads.",
            hold="10m",
        ),
    )
