"""``llmbatch jobs``, ``show`` and ``queue``: what there is, and one job."""

from __future__ import annotations

from typing import Annotated

import typer

from llmbatch.cli.client.answers import Job, JobPage, Queue, read
from llmbatch.cli.client.live import eta_of, rate_of
from llmbatch.cli.client.screen import hours, percent, print_json, print_line, print_pairs, print_table
from llmbatch.cli.client.session import AsJson, JobArg, session_of


def jobs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Jobs of this page.")] = 20,
    after: Annotated[str | None, typer.Option(help="Continue after this job.")] = None,
    state: Annotated[str | None, typer.Option(help="Only queued, running, succeeded or failed jobs.")] = None,
    user: Annotated[str | None, typer.Option(help="Only jobs of this user.")] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    session = session_of(context)
    asked = {"limit": limit, "after": after, "state": state, "user": user}
    with session.gateway() as gateway:
        document = gateway.get("/jobs", {name: value for name, value in asked.items() if value is not None})
    if as_json:
        print_json(document)
        return
    page = read(JobPage, document)
    print_table(
        session.console(),
        ("job", "state", "phase", "model", "progress", "ETA", "due in", "status", "owner"),
        (
            (
                job.job_id, job.state, job.phase, job.model, percent(job.progress_pct), hours(job.eta_hours),
                hours(job.sla_remaining_hours), job.status, job.owner,
            )
            for job in page.data
        ),
    )  # fmt: skip
    if page.has_more:
        print_line(f"more: llmbatch jobs --after {page.last_id}")


def show(context: typer.Context, job: JobArg, as_json: AsJson = False) -> None:
    """Show one job: progress, ETA, deadline, rows, tokens, alerts, and why it failed."""
    session = session_of(context)
    with session.gateway() as gateway:
        document = gateway.get(f"/jobs/{job}")
    if as_json:
        print_json(document)
        return
    found = read(Job, document)
    rows, tokens = found.rows, found.tokens
    miss = None if found.miss_probability is None else percent(found.miss_probability * 100)
    pairs: list[tuple[str, object]] = [
        ("job", found.job_id),
        ("state", f"{found.state} ({found.phase}{', paused' if found.paused else ''})"),
        ("model", found.model),
        ("owner", found.owner),
        ("created", found.created_at),
        ("finished", found.finished_at),
        ("deadline", found.deadline),
        ("due in", None if found.is_over else hours(found.sla_remaining_hours)),
        ("status", " ".join(word for word in (found.status, found.status_reason) if word)),
        ("miss probability", miss),
        ("progress", percent(found.progress_pct)),
        ("ETA", eta_of(found).removeprefix("ETA ")),
        ("rows", f"{rows.ended} of {'?' if rows.total is None else rows.total}"),
        ("succeeded", rows.succeeded),
        *((name, value or None) for name, value in _losses(found)),
        ("tokens in / out", f"{tokens.prompt} / {tokens.completion}"),
        ("now", rate_of(found)),
        ("engines", f"{found.replicas.live} of {found.replicas.wanted}" if found.replicas.wanted else None),
        ("output", found.output_uri),
        *((f"alert {alert.level}", f"{alert.raised_at:%H:%M} {alert.reason}") for alert in found.alerts),
        ("error", f"{found.error.task}: {found.error.message}" if found.error else None),
    ]
    print_pairs(session.console(), pairs)


def queue(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the jobs that run and wait, in the order in which they start, with predicted times."""
    session = session_of(context)
    with session.gateway() as gateway:
        document = gateway.get("/queue")
    if as_json:
        print_json(document)
        return
    print_table(
        session.console(),
        ("job", "place", "state", "priority", "start", "end", "deadline", "status"),
        (
            (
                job.job_id, job.position, job.state, job.priority, job.predicted_start, job.predicted_end,
                job.deadline, job.status,
            )
            for job in read(Queue, document).jobs
        ),
    )  # fmt: skip


def _losses(job: Job) -> tuple[tuple[str, int], ...]:
    return (("failed", job.rows.failed), ("expired", job.rows.expired), ("cancelled", job.rows.cancelled))
