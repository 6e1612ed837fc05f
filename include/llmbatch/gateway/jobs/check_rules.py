"""The daily checks of the service: what is right, what a person should look at, what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.backups import BackupRecord
from llmbatch.core.durations import duration
from llmbatch.core.heartbeat import SKEW_SECONDS
from llmbatch.core.identity import MAINTENANCE_DAG
from llmbatch.core.shown import shown
from llmbatch.core.sla_status import JobStatus, Status
from llmbatch.gateway.airflow.client import DagRun

BACKUP_HOURS = 26
"""Age of the last backup at which a daily one is missing."""
MAINTENANCE_HOURS = 3
"""Age at which a run of the hourly maintenance is missing."""
DISK_LOOK, DISK_WRONG = 0.15, 0.05
"""Free part of a disk below which it is reported."""

_MOST_NAMES = 5
_NAME_CHARS = 100


class CheckState(StrEnum):
    """``look`` is for a person, in the daytime; ``wrong`` harms jobs now."""

    OK = "ok"
    LOOK = "look"
    WRONG = "wrong"


class Check(BaseModel):
    """One line of the daily checks. The text says what is there, and what to do unless the state is ``ok``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    state: CheckState
    text: str


class Checks(BaseModel):
    """The answer of ``GET /checks``.

    Attributes:
        backups: records of the newest backups, the newest last.
        retention: days for which data is kept, by limit of config.yaml; null: for ever.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    generated_at: AwareDatetime
    checks: tuple[Check, ...]
    versions: dict[str, str]
    retention: dict[str, int | None]
    backups: tuple[BackupRecord, ...]


def deadlines(jobs: Sequence[JobStatus]) -> Check:
    """Judge the jobs that are not over: deadlines, and heartbeats, whose lack is a reason of a status."""
    late = [job for job in jobs if job.status in {Status.AT_RISK, Status.VIOLATED}]
    if not late:
        return Check(name="deadlines", state=CheckState.OK, text=f"{len(jobs)} jobs are not over, all on track")
    each = _names(f"{job.job_id} {job.status.value} ({job.reason or 'the ETA is late'})" for job in late)
    text = f"{len(late)} of {len(jobs)} jobs: {each}. See `llmbatch sla`, and docs/runbook.md, SLA."
    return Check(name="deadlines", state=CheckState.LOOK, text=text)


def queue(jobs: Sequence[JobStatus], most: int) -> Check:
    """Judge the number of jobs that wait against ``monitoring.targets.queue_jobs``."""
    waiting = sum(job.phase == "queued" for job in jobs)
    if waiting <= most:
        return Check(name="queue", state=CheckState.OK, text=f"{waiting} jobs wait, of {most} at most")
    text = f"{waiting} jobs wait, more than {most}. See `llmbatch queue`, and docs/runbooks/LlmbatchQueueBacklog.md."
    return Check(name="queue", state=CheckState.LOOK, text=text)


def failures(runs: Sequence[DagRun], now: datetime) -> Check:
    """Name the runs that failed in the last day."""
    since = now - timedelta(days=1)
    failed = [run for run in runs if (run.end_date or run.run_after) >= since]
    if not failed:
        return Check(name="failures", state=CheckState.OK, text="no run failed in the last 24 h")
    each = _names(run.dag_run_id for run in failed)
    text = f"{len(failed)} runs failed in the last 24 h: {each}. See `llmbatch jobs --state failed`, then `show JOB`."
    return Check(name="failures", state=CheckState.LOOK, text=text)


def orphans(job_ids: Sequence[str]) -> Check:
    """Name the jobs that write heartbeats though their run is over."""
    if not job_ids:
        return Check(name="orphans", state=CheckState.OK, text="no Ray job runs without its DAG run")
    text = f"{_names(job_ids)}: their DAG run is over, their Ray job is not. {MAINTENANCE_DAG} stops it within an hour."
    return Check(name="orphans", state=CheckState.LOOK, text=text)


def maintenance(runs: Sequence[DagRun], tasks: Mapping[str, str | None], now: datetime) -> tuple[Check, Check]:
    """Judge the newest run of the maintenance that is over: its sweep is the proof that Ray answers Airflow.

    Args:
        runs: runs of the maintenance that are over, the newest first.
        tasks: states of the tasks of the first one.
        now: the current time.
    """
    age, ago = 0.0, ""
    if not runs:
        text = f"{MAINTENANCE_DAG} has not run yet. If it is paused: `airflow dags unpause {MAINTENANCE_DAG}`."
    else:
        age = (now - (runs[0].end_date or runs[0].run_after)).total_seconds()
        ago = f"{duration(age)} ago"
        text = f"{MAINTENANCE_DAG} ran {ago}, though it is hourly. Is it paused? Is the scheduler healthy?"
    if not runs or age > MAINTENANCE_HOURS * 3600:
        unknown = Check(name="cluster", state=CheckState.LOOK, text=text)
        return unknown, unknown.model_copy(update={"name": "retention"})
    if tasks.get("sweep_orphans") == "failed":
        text = f"the sweep of {ago} failed: Airflow may not reach Ray. Read its log, and docs/runbook.md, Cluster."
        cluster = Check(name="cluster", state=CheckState.WRONG, text=text)
    else:
        cluster = Check(name="cluster", state=CheckState.OK, text=f"Ray answered Airflow {ago}")
    if tasks.get("expire") == "failed":
        text = f"the removal of {ago} failed. Read the log of the task expire of {MAINTENANCE_DAG}."
        return cluster, Check(name="retention", state=CheckState.WRONG, text=text)
    return cluster, Check(name="retention", state=CheckState.OK, text=f"{MAINTENANCE_DAG} ran {ago}")


def backups(records: Sequence[BackupRecord], now: datetime) -> Check:
    """Judge the age of the last backup."""
    if not records:
        text = "no backup of all jobs is on record. Make one each day: docs/operations.md, Backup and restore."
        return Check(name="backups", state=CheckState.LOOK, text=text)
    last = records[-1]
    age = (now - last.finished_at).total_seconds()
    text = f"{last.objects} objects, {last.bytes} bytes in {last.target}, {duration(age)} ago"
    if age > BACKUP_HOURS * 3600:
        text = f"the last one: {text}. Read the log of the backup, and docs/runbooks/LlmbatchBackupMissing.md."
        return Check(name="backups", state=CheckState.WRONG, text=text)
    return Check(name="backups", state=CheckState.OK, text=text)


def disk(free: float) -> Check:
    """Judge the free part, 0 to 1, of the disk of the gateway's temporary files."""
    state = CheckState.WRONG if free < DISK_WRONG else CheckState.LOOK if free < DISK_LOOK else CheckState.OK
    text = f"{100 * free:.0f} % of the gateway's disk is free"
    what = "" if state is CheckState.OK else ". Remove old logs: docs/runbooks/LlmbatchDiskFull.md."
    return Check(name="server disk", state=state, text=f"{text}{what}")


def store_clock(skew: float | None) -> Check:
    """Judge by how many seconds this machine's clock is ahead of the store's; None: not known."""
    if skew is None:
        return Check(name="store clock", state=CheckState.OK, text="not compared: there is no job yet")
    if abs(skew) <= SKEW_SECONDS:
        return Check(name="store clock", state=CheckState.OK, text=f"{abs(skew):.0f} s from the gateway's")
    way = "ahead of" if skew > 0 else "behind"
    text = f"the gateway is {abs(skew):.0f} s {way} the store. Correct the clock (NTP); deadlines depend on it."
    return Check(name="store clock", state=CheckState.WRONG, text=text)


def versions(found: Mapping[str, str]) -> Check:
    """List versions and the digest of the configuration. A difference is for the reader to see."""
    return Check(
        name="versions", state=CheckState.OK, text=", ".join(f"{name} {value}" for name, value in found.items())
    )


def _names(names: Iterable[str]) -> str:
    each = [shown(name, _NAME_CHARS) for name in names]
    more = f" and {len(each) - _MOST_NAMES} more" if len(each) > _MOST_NAMES else ""
    return ", ".join(each[:_MOST_NAMES]) + more
