"""``llmbatch cancel``, ``drain``, ``pause``, ``resume``, ``scale`` and ``retry``: requests to one job."""

from __future__ import annotations

from typing import Annotated

import typer

from llmbatch.cli.client.answers import Started, Steered, read
from llmbatch.cli.client.request import Document, assigned
from llmbatch.cli.client.screen import cell, print_json, print_line
from llmbatch.cli.client.session import AsJson, JobArg, session_of
from llmbatch.cli.client.submit import Settings

Reason = Annotated[str, typer.Option(help="Why; it is kept with the job and in Airflow.")]


def cancel(context: typer.Context, job: JobArg, reason: Reason = "", as_json: AsJson = False) -> None:
    """Stop a job; the rows that are done stay."""
    _request(context, job, "cancel", {"reason": reason}, as_json=as_json)


def drain(context: typer.Context, job: JobArg, reason: Reason = "", as_json: AsJson = False) -> None:
    """Let a job finish the shards that have begun, then stop it; `resume` continues it."""
    _request(context, job, "drain", {"reason": reason}, as_json=as_json)


def pause(context: typer.Context, job: JobArg, reason: Reason = "", as_json: AsJson = False) -> None:
    """Let a job finish the rows in flight and release its engines until `resume`."""
    _request(context, job, "pause", {"reason": reason}, as_json=as_json)


def resume(context: typer.Context, job: JobArg, reason: Reason = "", as_json: AsJson = False) -> None:
    """Withdraw a cancel, a drain and a pause; continue a failed job."""
    _request(context, job, "resume", {"reason": reason}, as_json=as_json)


def scale(
    context: typer.Context,
    job: JobArg,
    least: Annotated[int, typer.Option("--min", min=1, help="Least engines.")],
    most: Annotated[int, typer.Option("--max", min=1, help="Most engines.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Change how many engines a job may have."""
    _request(context, job, "scale", {"min": least, "max": most, "reason": reason}, as_json=as_json)


def retry(context: typer.Context, job: JobArg, settings: Settings = None, as_json: AsJson = False) -> None:
    """Start a job that runs the failed rows of a finished job again, and delivers all rows."""
    with session_of(context).gateway() as gateway:
        document = gateway.post(f"/jobs/{job}/retry-failed", assigned({}, settings or []))
    if as_json:
        print_json(document)
        return
    started = read(Started, document)
    print_line(f"{started.job_id} {started.state}, due {cell(started.deadline)}")
    print_line(f"llmbatch watch {started.job_id}")


def _request(context: typer.Context, job: str, verb: str, body: Document, *, as_json: bool) -> None:
    with session_of(context).gateway() as gateway:
        document = gateway.post(f"/jobs/{job}/{verb}", body)
    if as_json:
        print_json(document)
    else:
        answer = read(Steered, document)
        print_line(f"{answer.job_id}: {answer.done}")
