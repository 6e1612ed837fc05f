"""``llmbatch shutdown`` and ``resume-service``: the whole service."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import JsonValue

from llmbatch.cli.client.answers import Answer, read
from llmbatch.cli.client.screen import print_json, print_line
from llmbatch.cli.client.session import AsJson, session_of


class _Remaining(Answer):
    job_id: str
    phase: str
    rows_remaining: int | None
    requested: str


class _Service(Answer):
    admitting: bool
    reason: str
    draining: tuple[_Remaining, ...]
    remaining: int
    waiting: int
    drained: tuple[str, ...]


def shutdown(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; users whose jobs wait see it.")] = "",
    status: Annotated[bool, typer.Option("--status", help="Only show what still runs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop admitting jobs, drain all that run, and show what remains. Repeat it until nothing remains."""
    with session_of(context).gateway() as gateway:
        path = "/shutdown-graceful"
        document = gateway.get(path) if status else gateway.post(path, {"reason": reason})
    _show(document, as_json=as_json)


def resume_service(context: typer.Context, as_json: AsJson = False) -> None:
    """Admit jobs again, and continue those that the shutdown drained."""
    with session_of(context).gateway() as gateway:
        document = gateway.post("/resume", {})
    _show(document, as_json=as_json)


def _show(document: JsonValue, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    service = read(_Service, document)
    state = "jobs are admitted" if service.admitting else f"no job is admitted ({service.reason or 'no reason given'})"
    print_line(f"{state}; {service.remaining} draining, {service.waiting} waiting, {len(service.drained)} drained")
    for job in service.draining:
        rows = "?" if job.rows_remaining is None else job.rows_remaining
        print_line(f"  {job.job_id} {job.phase}: {rows} rows remain, requested {job.requested}")
