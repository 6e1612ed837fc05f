"""The dashboard Airflow: whether it is alive, its pools and tasks, deadlines, and what runs on a schedule."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from llmbatch.core import metrics as m
from llmbatch.core.config import Config
from monitoring.dashboards.board import Section, Strip, board
from monitoring.dashboards.colors import DEADLINES, RESULTS, TASKS
from monitoring.dashboards.hourly import HOUR, NONE, hourly
from monitoring.dashboards.panels import Query, Target, lines, number
from monitoring.dashboards.promql import counted, mean

NO_TASK = "no task ended in this time"


def airflow(config: Config) -> Dashboard:
    """Return the dashboard."""
    del config
    return board(
        "airflow",
        "Airflow",
        "Whether Airflow is alive, its pools and tasks, deadlines, and what runs on a schedule.",
        [
            Section("Alive", [Strip(4, _alive())]),
            Section("Scheduler and triggerer", [Strip(7, _processes())]),
            Section("Pools and tasks", [Strip(7, _pools()), Strip(7, _tasks())]),
            Section("Deadlines and schedules", [Strip(7, _schedules())]),
            Section("Monitoring itself", [Strip(7, _exporter())]),
        ],
    )


def _beat(title: str, process: str, advice: str) -> Panel:
    return number(
        title,
        f"Heartbeats of the {process} a minute. {advice}",
        "suffix: /min",
        Query(f"60 * sum(rate(airflow_{process}_heartbeat[$__rate_interval]))"),
        target=Target(1, least=True),
        decimals=0,
    )


def _alive() -> list[Panel]:
    return [
        _beat("Scheduler", "scheduler", "Without it no task starts."),
        _beat("Triggerer", "triggerer", "Without it no run of a job notices that its Ray job ended."),
        _beat("DAG processor", "dag_processor", "Without it changed DAG files are not read."),
        number(
            "DAG files with errors",
            "DAG files that Airflow cannot import.",
            "none",
            Query("max(airflow_dag_processing_import_errors)"),
            target=Target(1),
        ),
        number(
            "Age of exported state",
            "Time since the exporter last read the state of all jobs. If it rises, all gauges of jobs are old.",
            "s",
            Query(f"time() - max({m.EXPORTER_LAST_SUCCESS.name})"),
            decimals=0,
        ),
        number(
            "Admitting",
            "Whether new jobs are admitted; no after a shutdown.",
            "bool_yes_no",
            Query(f"min({m.ADMITTING.name})"),
            target=Target(1, least=True),
        ),
    ]


def _processes() -> list[Panel]:
    return [
        lines(
            "Heartbeats",
            "Heartbeats a minute. A gap is a process that hangs or is down.",
            "suffix: /min",
            Query("60 * sum(rate(airflow_scheduler_heartbeat[$__rate_interval]))", "scheduler"),
            Query("60 * sum(rate(airflow_triggerer_heartbeat[$__rate_interval]))", "triggerer"),
            Query("60 * sum(rate(airflow_dag_processor_heartbeat[$__rate_interval]))", "DAG processor"),
        ),
        lines(
            "Triggers",
            "Triggers that run. Each running job has one or two.",
            "short",
            Query("sum(airflow_triggers_running)", "running"),
        ),
        lines(
            "Triggerers in use",
            "Part of the triggers that the triggerers can take. Near 100 %: add a triggerer.",
            "percentunit",
            Query(
                "sum(airflow_triggers_running) / "
                "(sum(airflow_triggers_running) + sum(airflow_triggerer_capacity_left))",
                "in use",
            ),
            top=1,
        ),
        lines(
            "Executor",
            "Tasks that run and wait in the executor, and slots that are free.",
            "short",
            Query("sum(airflow_executor_running_tasks)", "running"),
            Query("sum(airflow_executor_queued_tasks)", "queued"),
            Query("sum(airflow_executor_open_slots)", "open slots"),
        ),
    ]


def _pools() -> list[Panel]:
    return [
        lines(
            "Slots in use by pool",
            "Slots of tasks that run.",
            "short",
            Query("max by (pool_name) (airflow_pool_running_slots)", "{{pool_name}}"),
        ),
        lines(
            "Open slots by pool",
            "Slots that are free. None for long: add slots or start fewer jobs.",
            "short",
            Query("max by (pool_name) (airflow_pool_open_slots)", "{{pool_name}}"),
        ),
        lines(
            "Queued and deferred by pool",
            "Slots of tasks that wait for a worker, and of tasks that wait in a trigger.",
            "short",
            Query("max by (pool_name) (airflow_pool_queued_slots)", "queued {{pool_name}}"),
            Query("max by (pool_name) (airflow_pool_deferred_slots)", "deferred {{pool_name}}"),
        ),
        lines(
            "Starving tasks by pool",
            "Tasks that find no open slot. Normal while others run in the pool; a fault if none does.",
            "short",
            Query("max by (pool_name) (airflow_pool_starving_tasks)", "{{pool_name}}"),
        ),
    ]


def _tasks() -> list[Panel]:
    return [
        lines(
            "Task duration",
            "Mean time of tasks that ended in the last hour, by task.",
            "s",
            Query(mean("airflow_task_duration", "task_id", HOUR), "{{task_id}}"),
            no_value=NO_TASK,
        ),
        lines(
            "Time until a slot",
            "Mean time from scheduled to queued in the last hour, by task. If it rises, pools or executors are full.",
            "s",
            Query(mean("airflow_task_scheduled_duration", "task_id", HOUR), "{{task_id}}"),
            no_value=NO_TASK,
        ),
        lines(
            "Ended tasks by state",
            "Tasks that ended in each hour.",
            "short",
            Query("sum by (state) (increase(airflow_ti_finish[1h]))", "{{state}}"),
            colors=TASKS,
            no_value=NO_TASK,
        ),
        lines(
            "Duration of runs",
            "Mean time of runs that succeeded in the last hour, by DAG.",
            "s",
            Query(mean("airflow_dagrun_duration_success", "dag_id", HOUR), "{{dag_id}}"),
            no_value="no run ended in this time",
        ),
    ]


def _schedules() -> list[Panel]:
    deadlines = "airflow_deadline_alerts_deadline"
    return [
        lines(
            "Deadlines of Airflow",
            "Deadlines that were set, met and missed in each hour.",
            "short",
            Query(f"sum(increase({deadlines}_created[1h]))", "set"),
            Query(f"sum(increase({deadlines}_not_missed[1h]))", "met"),
            Query(f"sum(increase({deadlines}_missed[1h]))", "missed"),
            colors=DEADLINES,
            no_value=NONE,
        ),
        hourly(
            "Scans of the drop folder",
            "Scans of inboxes in each hour, by result. None: inputs in the inboxes start no job.",
            m.DROP_SCANS,
            "result",
            colors=RESULTS,
        ),
        hourly(
            "Inputs of the drop folder",
            "Inputs in each hour that started a job, and that then were done, failed or refused.",
            m.DROP_INPUTS,
            "result",
            colors=RESULTS,
        ),
        lines(
            "Maintenance",
            "Backups of job folders by result, and Ray jobs without a run that were stopped, in each day.",
            "short",
            Query(counted(m.BACKUPS, "result", "1d"), "backup {{result}}"),
            Query(f"{m.ORPHANS.name} unless {m.ORPHANS.name} offset 1d or increase({m.ORPHANS.name}[1d])", "orphans"),
            no_value=NONE,
        ),
    ]


def _exporter() -> list[Panel]:
    return [
        lines(
            "Targets that answer",
            "Part of the endpoints of each kind that Prometheus can read.",
            "percentunit",
            Query("avg by (job) (up)", "{{job}}"),
            top=1,
        ),
        lines(
            "Time to read the state",
            "Time that the exporter's last reading of all jobs took.",
            "s",
            Query(f"max({m.EXPORTER_DURATION.name})", "reading"),
        ),
        hourly(
            "Failed readings",
            "Readings of the exporter that failed in each hour, by reason.",
            m.EXPORTER_ERRORS,
            "reason",
        ),
        lines(
            "Clock skew",
            "Clock of the exporter's machine minus the clock of the store. ETAs and deadlines are wrong by as much.",
            "s",
            Query(f"max({m.EXPORTER_SKEW.name})", "skew"),
        ),
    ]
