"""The report of ``llmbatch checks``: from the gateway's checks and SLA report to Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from pydantic import AwareDatetime

from llmbatch.cli.client.answers import Answer
from llmbatch.core.durations import duration
from llmbatch.core.shown import shown

WEEKS = {False: 5, True: 13}
"""Weeks of the trend: of the weekly and of the monthly report."""
DAYS = {False: 7, True: 31}
"""Days that the lists are about."""

WEEKLY_TASKS = (
    "Look at the dashboards Overview and Engine: is a trend new?",
    "Read each missed deadline above: was the SLA time too short, or the service too slow?",
    "Compare the digest of the configuration with the report before. Is each change intended?",
    "Look at the size of logs: docs/runbook.md, Log rotation.",
)
MONTHLY_TASKS = (
    "Rehearse a recovery: restore one job, and Airflow's database, as in docs/runbook.md, Recovery. Note the time.",
    "Compare versions with the supported ones: docs/install.md. Plan updates of images.",
    "Run a benchmark for each model whose prompts have changed: docs/benchmark.md.",
    "Compare GPU hours of the busiest week with those of the cluster. Plan capacity.",
    "Revoke API keys that are not used: `llmbatch keys list`.",
)


class _Check(Answer):
    name: str
    state: str
    text: str


class _Backup(Answer):
    finished_at: AwareDatetime
    target: str
    objects: int
    bytes: int


class Service(Answer):
    """``GET /checks``."""

    generated_at: AwareDatetime
    checks: tuple[_Check, ...]
    versions: dict[str, str]
    retention: dict[str, int | None]
    backups: tuple[_Backup, ...]


class _Week(Answer):
    begins: date
    jobs: int
    met: int
    rows: int
    rows_per_second: float | None
    tokens_per_second: float | None
    gpu_hours: float
    usd: float | None


class _Eta(Answer):
    median_error_pct: dict[str, float]
    bias_pct: float | None
    coverage80_pct: float | None


class _Alerts(Answer):
    precision: float | None
    recall: float | None


class _Violation(Answer):
    job_id: str
    model: str
    finished_at: AwareDatetime
    late_seconds: float


class Sla(Answer):
    """``GET /sla/report``."""

    jobs: int
    left_out: int
    weeks: tuple[_Week, ...]
    eta: _Eta
    alerts: _Alerts
    violations: tuple[_Violation, ...]


def report_of(service: Service, sla: Sla, *, is_monthly: bool) -> str:
    """Return the report; its last section is a list of what a person must do."""
    name = "Monthly" if is_monthly else "Weekly"
    lines = [f"# {name} checks, {service.generated_at:%Y-%m-%d %H:%M} UTC", ""]
    lines += ["## Daily checks", ""]
    lines += _table(("check", "state", "finding"), ((one.name, one.state, one.text) for one in service.checks))
    lines += _deadlines(service, sla, DAYS[is_monthly])
    lines += _throughput(sla.weeks[-WEEKS[is_monthly] :])
    lines += _eta(sla) if is_monthly else []
    lines += _backups(service, DAYS[is_monthly])
    lines += _configuration(service)
    lines += ["## To do by hand", "", *(f"- [ ] {task}" for task in WEEKLY_TASKS)]
    lines += [f"- [ ] {task}" for task in MONTHLY_TASKS] if is_monthly else []
    return "\n".join(lines) + "\n"


def _deadlines(service: Service, sla: Sla, days: int) -> list[str]:
    since = service.generated_at - timedelta(days=days)
    missed = [one for one in sla.violations if one.finished_at >= since]
    lines = ["## Missed deadlines", "", f"{len(missed)} in the last {days} days.", ""]
    if sla.left_out:
        lines += [f"The figures are about the newest {sla.jobs} jobs; {sla.left_out} older ones are left out.", ""]
    if missed:
        rows = (
            (one.job_id, one.model, f"{one.finished_at:%Y-%m-%d %H:%M}", duration(one.late_seconds)) for one in missed
        )
        lines += _table(("job", "model", "finished (UTC)", "late"), rows)
    return lines


def _throughput(weeks: Sequence[_Week]) -> list[str]:
    lines = ["## Throughput by week", ""]
    if not weeks:
        return [*lines, "No job has finished.", ""]
    rows = (
        (
            one.begins, one.jobs, f"{100 * one.met / one.jobs:.0f} %" if one.jobs else None, one.rows,
            _number(one.rows_per_second), _number(one.tokens_per_second), _number(one.gpu_hours), _number(one.usd),
        )
        for one in weeks
    )  # fmt: skip
    titles = ("week of", "jobs", "deadlines met", "rows", "rows/s", "output tokens/s", "GPU hours", "USD")
    lines += _table(titles, rows)
    rates = [one.tokens_per_second for one in weeks if one.tokens_per_second]
    if len(rates) > 1:
        change = 100 * (rates[-1] / rates[-2] - 1)
        lines += [f"Output tokens a second: {change:+.0f} % in the last week against the one before.", ""]
    busiest = max(weeks, key=lambda one: one.gpu_hours)
    if busiest.gpu_hours:
        lines += [f"The busiest week, of {busiest.begins}, used {busiest.gpu_hours:.1f} GPU hours.", ""]
    return lines


def _eta(sla: Sla) -> list[str]:
    lines = ["## ETA and alerts", ""]
    if sla.eta.median_error_pct:
        rows = ((f"{mark} %", f"{error:.1f} %") for mark, error in sla.eta.median_error_pct.items())
        lines += _table(("rows done", "median error of the ETA"), rows)
    lines += _table(
        ("figure", "value", "right is"),
        (
            ("ends between P10 and P90, %", _number(sla.eta.coverage80_pct), "80"),
            ("bias of the ETA, %", _number(sla.eta.bias_pct), "0"),
            ("precision of red alerts", _number(sla.alerts.precision), "1"),
            ("recall of red alerts", _number(sla.alerts.recall), "1"),
        ),
    )
    return lines


def _backups(service: Service, days: int) -> list[str]:
    lines = ["## Backups and storage", ""]
    since = service.generated_at - timedelta(days=days)
    recent = [one for one in service.backups if one.finished_at >= since]
    if not recent:
        return [*lines, f"No backup of all jobs is on record in the last {days} days.", ""]
    first, last = recent[0], recent[-1]
    lines += [
        f"{len(recent)} backups in {days} days; each object was compared with its source. The last one, of "
        f"{last.finished_at:%Y-%m-%d %H:%M} UTC in {last.target}, has {last.objects} objects, {_size(last.bytes)}.",
        "",
    ]
    passed = (last.finished_at - first.finished_at).total_seconds() / 86400
    if passed:
        growth = (last.bytes - first.bytes) / passed
        lines += [f"The jobs grow by {'-' if growth < 0 else ''}{_size(abs(growth))} a day.", ""]
    return lines


def _configuration(service: Service) -> list[str]:
    kept = ((name, "for ever" if days is None else f"{days} days") for name, days in service.retention.items())
    return [
        "## Configuration", "", *_table(("version", "value"), service.versions.items()),
        *_table(("retention", "kept"), kept),
    ]  # fmt: skip


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    head = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return [*head, *(f"| {' | '.join(_cell(value) for value in row)} |" for row in rows), ""]


def _cell(value: object) -> str:
    return "-" if value is None else shown(value).replace("|", "\\|")


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
