"""``llmbatch watch``: follow a job to its end, which is then the end of the command."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import JsonValue

from llmbatch.cli.client.answers import Job, read
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway
from llmbatch.cli.client.live import LiveJob
from llmbatch.cli.client.request import hours_of
from llmbatch.cli.client.screen import print_json
from llmbatch.cli.client.session import AsJson, JobArg, Session, session_of
from llmbatch.core.shown import shown

POLL_SECONDS = 2.0
UNREACHABLE_SECONDS = 300.0
"""How long a gateway may be out of reach while a job is watched."""

Timeout = Annotated[str | None, typer.Option(help="Wait at most so long, such as 30m; then exit with 6.")]


def watch(context: typer.Context, job: JobArg, timeout: Timeout = None, as_json: AsJson = False) -> None:
    """Show a job live until it ends: rows, tokens/s, ETA with its 10-90 % band, alert level, status, deadline."""
    session = session_of(context)
    with session.gateway() as gateway:
        follow(session, gateway, job, seconds_of(timeout), as_json=as_json)


def seconds_of(timeout: str | None) -> float | None:
    """Return the seconds of ``--timeout``."""
    return None if timeout is None else hours_of(timeout, "--timeout") * 3600


def follow(session: Session, gateway: Gateway, job_id: str, timeout: float | None, *, as_json: bool) -> None:
    """Wait for the end of a job and print it; with ``as_json`` print nothing before.

    Raises:
        CommandError: the job failed, the time is over, or the gateway refuses or is out of reach for long.
    """
    document, job = _ended(session, gateway, job_id, timeout, is_silent=as_json)
    if as_json:
        print_json(document)
    else:
        session.console().print(_end_of(job), soft_wrap=True)
    if job.state == "failed":
        reason = f"task {job.error.task}: {shown(job.error.message)}" if job.error else "its run has no reason"
        raise CommandError(f"{job.job_id} failed: {reason}")


def _ended(
    session: Session, gateway: Gateway, job_id: str, timeout: float | None, *, is_silent: bool
) -> tuple[JsonValue, Job]:
    began = reached = session.monotonic()
    live = None if is_silent else LiveJob(session.console())
    try:
        while True:
            try:
                document = gateway.poll(f"/jobs/{job_id}")
            except CommandError as error:
                if error.exit_code is not Exit.UNAVAILABLE or session.monotonic() - reached > UNREACHABLE_SECONDS:
                    raise
                if live is not None:
                    live.note(error.message)
            else:
                reached = session.monotonic()
                job = read(Job, document)
                if live is not None:
                    live.show(job, reached - began)
                if job.is_over:
                    return document, job
            _pause(session, began, timeout, job_id)
    finally:
        if live is not None:
            live.close()


def _pause(session: Session, began: float, timeout: float | None, job_id: str) -> None:
    left = POLL_SECONDS if timeout is None else timeout - (session.monotonic() - began)
    if left <= 0:
        text = f"{job_id} is not over after --timeout; it continues. Run `llmbatch watch {job_id}` to go on waiting."
        raise CommandError(text, Exit.TIMED_OUT)
    session.sleep(min(POLL_SECONDS, left))


def _end_of(job: Job) -> str:
    rows = job.rows
    counts = [f"{rows.succeeded} of {rows.total or 0} rows succeeded"]
    others = {"failed": rows.failed, "expired": rows.expired, "cancelled": rows.cancelled}
    counts += [f"{count} {name}" for name, count in others.items() if count]
    place = f"  {shown(job.output_uri)}" if job.output_uri else ""
    return f"{job.job_id} {job.state}: {', '.join(counts)}; deadline {shown(job.status or 'unknown')}{place}"
