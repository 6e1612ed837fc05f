"""``llmbatch submit``: start a job on an object of the store, or on a local file of OpenAI's Batch API."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from llmbatch.cli.client.answers import Started, read
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway
from llmbatch.cli.client.local_batch import BATCH_OPTIONS, batch_endpoint, start_batch
from llmbatch.cli.client.request import Document, assigned, given, hours_of
from llmbatch.cli.client.screen import cell, print_json, print_line
from llmbatch.cli.client.session import AsJson, session_of
from llmbatch.cli.client.watch import Timeout, follow, seconds_of
from llmbatch.core.durations import span

DECISION_SECONDS = 20
"""How long a start waits for the decision on admission, so that a wrong request is refused at once."""

Source = Annotated[str, typer.Argument(metavar="FILE|URI", help="s3://bucket/key, or a local .jsonl OpenAI batch.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any other field: sampling.max_tokens=64. Repeatable."),
]


def submit(
    context: typer.Context,
    source: Source,
    model: Annotated[str | None, typer.Option(help="Name of a model of config.yaml.")] = None,
    task: Annotated[str | None, typer.Option(help="generate, embed, score or classify.")] = None,
    sla: Annotated[str | None, typer.Option(help="Time to the deadline: 90m, 6h, 2d.")] = None,
    priority: Annotated[int | None, typer.Option(help="Jobs of higher priority start first.")] = None,
    output: Annotated[str | None, typer.Option(help="Folder for the answers: s3://bucket/folder/.")] = None,
    settings: Settings = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check input and deadline; run nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Watch the job to its end.")] = False,
    timeout: Timeout = None,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key again returns the same job.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start a job. The input is an object, a folder or a glob of the store, or a local file of OpenAI's Batch API."""
    session = session_of(context)
    seconds = seconds_of(timeout)
    options = given(
        model=model,
        task=task,
        sla_hours=None if sla is None else hours_of(sla, "--sla"),
        priority=priority,
        output_uri=output,
        dry_run=True if dry_run else None,
    )
    request = assigned(options, settings or [])
    key = idempotency_key or uuid.uuid4().hex
    with session.gateway() as gateway:
        if "://" in source:
            document = _start(gateway, {"input_uri": source, **request}, key)
        else:
            document = _start_local(gateway, Path(source), request, key)
        started = read(Started, document)
        if not as_json:
            _show(started, is_followed=wait or dry_run)
        elif not wait:
            print_json(document)
        if wait or (dry_run and not as_json):
            follow(session, gateway, started.job_id, seconds, as_json=as_json)


def _start(gateway: Gateway, request: Document, key: str) -> JsonValue:
    headers = {"Prefer": f"wait={DECISION_SECONDS}"}
    if not request.get("dry_run"):
        headers["Idempotency-Key"] = key
    return gateway.post("/start", request, headers)


def _start_local(gateway: Gateway, path: Path, request: Document, key: str) -> JsonValue:
    endpoint = batch_endpoint(path)
    others = [name for name in request if name not in BATCH_OPTIONS]
    if others:
        text = f"{', '.join(others)}: a batch of OpenAI's API has no such options. Copy {path} to a bucket, and submit "
        raise CommandError(f"{text}its s3:// address.", Exit.USAGE)
    return gateway.get(f"/jobs/{start_batch(gateway, path, endpoint, key, request)}")


def _show(started: Started, *, is_followed: bool) -> None:
    print_line(f"{started.job_id} {started.state}, due {cell(started.deadline)}")
    decision = started.admission
    if decision is not None:
        times = (decision.eta_p50, decision.eta_p90)
        band = "".join(f", {name} {span(value)}" for name, value in zip(("p50", "p90"), times, strict=True) if value)
        print_line(f"admission: {decision.verdict}{band}{f': {decision.reason}' if decision.reason else ''}")
    if not is_followed:
        print_line(f"llmbatch watch {started.job_id}")
