"""The dashboard One job: whether it ends in time, its rows, its engines."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from llmbatch.core import metrics as m
from llmbatch.core.config import Config
from llmbatch.core.monitoring_settings import TargetsConfig
from monitoring.dashboards.board import Section, Strip, airflow_address, board, labels_of
from monitoring.dashboards.colors import GREEN, LEVELS, RED, ROWS
from monitoring.dashboards.job_engines import engines, store
from monitoring.dashboards.job_facts import AT, facts, of_job, title_links
from monitoring.dashboards.panels import Query, Target, dial, lines, number
from monitoring.dashboards.promql import AT_RISK, ETA_TARGET, failed_ratio

NO_ETA = "ETA unknown"


def job(config: Config) -> Dashboard:
    """Return the dashboard."""
    targets = config.monitoring.targets
    return board(
        "job",
        "One job",
        "Whether one job that is not over ends in time, its rows, its engines.",
        [
            Section("Job $job_id", [Strip(3, [facts()]), Strip(4, _now())]),
            Section("ETA", [Strip(9, _eta(), (14, 10))]),
            Section("Rows", [Strip(7, _rows(targets))]),
            Section("Engines", [Strip(7, strip) for strip in engines(targets)]),
            Section("Driver and store", [Strip(7, store(), (5, 5, 5, 5, 4))]),
        ],
        labels_of("job_id", m.JOB_INFO.name, "A job that is not over."),
        airflow_address(config),
        links=title_links(),
    )


def _now() -> list[Panel]:
    return [
        number(
            "Phase",
            "What the job does now.",
            "none",
            Query(f"{of_job(m.JOB_PHASE, 'phase')} == 1", "{{phase}}", instant=True),
            name=True,
        ),
        number(
            "SLA level",
            "Level of the last alert that holds: ok, yellow, red, critical.",
            "none",
            Query(f"{of_job(m.JOB_LEVEL, 'level')} == 1", "{{level}}", instant=True),
            name=True,
            colors=LEVELS,
            no_value="unknown",
        ),
        number(
            "State of the ETA",
            "unknown, estimated, stalled or finished. Stalled: no row has ended for long.",
            "none",
            Query(f"{of_job(m.JOB_ETA_STATE, 'state')} == 1", "{{state}}", instant=True),
            name=True,
            colors={"estimated": GREEN, "finished": GREEN, "stalled": RED},
            no_value="no heartbeat",
        ),
        dial(
            "Work done",
            "Part of the work that is done; longer rows weigh more.",
            "percentunit",
            Query(of_job(m.JOB_WORK_RATIO)),
            no_value="unknown",
        ),
        number(
            "ETA",
            "Time until the last commit, median.",
            "dtdurations",
            Query(of_job(m.JOB_ETA_P50)),
            no_value=NO_ETA,
        ),
        number(
            "Time left",
            "Time until the deadline; negative after it.",
            "dtdurations",
            Query(f"{of_job(m.JOB_DEADLINE)} - time()"),
            target=Target(0, least=True),
        ),
        number(
            "P(miss)",
            "Probability that the job ends after its deadline.",
            "percentunit",
            Query(of_job(m.JOB_MISS_PROBABILITY)),
            target=Target(AT_RISK),
            decimals=0,
            no_value=NO_ETA,
        ),
        number(
            "Heartbeat age",
            "Time since the driver wrote its last heartbeat, which it does every two seconds. Half a minute is normal, "
            "because a scrape has the state of the one before; minutes mean that the driver or the store is down.",
            "s",
            Query(f"time() - {of_job(m.JOB_HEARTBEAT)}"),
            decimals=0,
        ),
    ]


def _eta() -> list[Panel]:
    return [
        lines(
            "ETA and time left",
            "Time until the last commit: median, and the range from the 10 % to the 90 % quantile. "
            "The job ends in time while the range is below the time that is left.",
            "dtdurations",
            Query(of_job(m.JOB_ETA_P10), "ETA P10"),
            Query(of_job(m.JOB_ETA_P50), "ETA P50"),
            Query(of_job(m.JOB_ETA_P90), "ETA P90"),
            Query(f"clamp_min({of_job(m.JOB_DEADLINE)} - time(), 0)", "time left"),
            fan=("ETA P10", "ETA P90"),
        ),
        lines(
            "ETA / time left, and P(miss)",
            "Median ETA over the time that is left, and the probability of a miss. Above 1 the job ends too "
            "late at its present rate.",
            "none",
            Query(f"{of_job(m.JOB_BURN_RATE)} < +Inf", "ETA / time left"),
            Query(of_job(m.JOB_MISS_PROBABILITY), "P(miss)"),
            target=ETA_TARGET,
            no_value=NO_ETA,
        ),
    ]


def _rows(targets: TargetsConfig) -> list[Panel]:
    return [
        lines(
            "Rows by state",
            "Rows of the input; their sum is constant. Rows that run fall back to waiting when an engine dies.",
            "short",
            Query(of_job(m.JOB_ROWS, "state"), "{{state}}"),
            stacked=True,
            colors=ROWS,
        ),
        lines(
            "Error rate",
            "Part of the rows with an answer or an error that failed.",
            "percentunit",
            Query(failed_ratio(matchers=AT), "failed"),
            target=Target(targets.error_ratio),
            no_value="no row has an outcome",
        ),
        lines(
            "Failed rows by class",
            "Rows in the dead letters, by error class. invalid, too_long and schema are faults of the input; engine, "
            "timeout and poison are faults of the engine or of rows that kill it.",
            "short",
            Query(of_job(m.JOB_DEAD_LETTERS, "error_class"), "{{error_class}}"),
            no_value="no failed row",
        ),
        lines(
            "Redone rows",
            "Rows that ran again because their engine died before the commit.",
            "short",
            Query(of_job(m.JOB_ROWS_REDONE), "redone"),
        ),
    ]
