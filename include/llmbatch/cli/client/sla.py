"""``llmbatch sla`` and ``report``: which deadlines are kept, and how well they were kept and predicted."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import AwareDatetime

from llmbatch.cli.client.answers import Answer, read
from llmbatch.cli.client.screen import hours, percent, print_json, print_table
from llmbatch.cli.client.session import AsJson, session_of


class Format(StrEnum):
    """Form of a report."""

    JSON = "json"
    CSV = "csv"
    HTML = "html"


class _Status(Answer):
    job_id: str
    progress_pct: float
    eta_hours: float | None = None
    eta_p10_hours: float | None = None
    eta_p90_hours: float | None = None
    sla_remaining_hours: float
    status: str
    deadline: AwareDatetime | None = None
    reason: str = ""


class _Statuses(Answer):
    jobs: tuple[_Status, ...]


def sla(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every job that is not over against its deadline."""
    session = session_of(context)
    with session.gateway() as gateway:
        document = gateway.get("/sla/status")
    if as_json:
        print_json(document)
        return
    print_table(
        session.console(),
        ("job", "status", "progress", "ETA", "10 %", "90 %", "due in", "deadline", "reason"),
        (
            (
                job.job_id, job.status, percent(job.progress_pct), hours(job.eta_hours), hours(job.eta_p10_hours),
                hours(job.eta_p90_hours), hours(job.sla_remaining_hours), job.deadline, job.reason or None,
            )
            for job in read(_Statuses, document).jobs
        ),
    )  # fmt: skip


def report(
    context: typer.Context,
    form: Annotated[Format, typer.Option("--format", help="Form of the report.")] = Format.JSON,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write into FILE.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=1000, help="Finished jobs, the newest first.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Report throughput, accuracy of ETAs and alerts, missed deadlines and cost of the newest jobs."""
    with session_of(context).gateway() as gateway:
        text = gateway.text("/sla/report", {"format": "json" if as_json else form.value, "jobs": jobs})
    text = text if text.endswith("\n") else f"{text}\n"
    if out is not None:
        out.write_text(text, encoding="utf-8")
        return
    sys.stdout.write(text)
    sys.stdout.flush()
