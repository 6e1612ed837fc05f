"""``llmbatch benchmark``: compare settings of an engine on a sample of an input."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer
from pydantic import JsonValue

from llmbatch.cli.client.answers import Answer, read
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.gateway import Gateway
from llmbatch.cli.client.request import assigned, given
from llmbatch.cli.client.screen import print_json, print_line
from llmbatch.cli.client.session import AsJson, Session, session_of
from llmbatch.cli.client.submit import Settings
from llmbatch.cli.client.watch import Timeout, seconds_of

POLL_SECONDS = 5.0


class _Benchmark(Answer):
    benchmark_id: str
    state: str


def benchmark(
    context: typer.Context,
    uri: Annotated[str, typer.Argument(metavar="URI|ID", help="Address of the input, or the id of a benchmark.")],
    model: Annotated[str | None, typer.Option(help="Name of a model of config.yaml.")] = None,
    num_samples: Annotated[int | None, typer.Option(min=1, help="Rows of the sample.")] = None,
    batch_size: Annotated[list[int] | None, typer.Option(help="Batch size to compare. Repeatable.")] = None,
    concurrency: Annotated[list[int] | None, typer.Option(help="Engines to compare. Repeatable.")] = None,
    settings: Settings = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the report.")] = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Start a benchmark on an input, or show the benchmark with this id (bench-…)."""
    session, seconds = session_of(context), seconds_of(timeout)
    sizes: list[JsonValue] | None = [*batch_size] if batch_size else None
    engines: list[JsonValue] | None = [*concurrency] if concurrency else None
    with session.gateway() as gateway:
        if "://" in uri:
            body = given(
                input_uri=uri, model=model, num_samples=num_samples, batch_sizes=sizes, concurrencies=engines
            )  # fmt: skip
            key = {"Idempotency-Key": uuid.uuid4().hex}
            document = gateway.post("/benchmark", assigned(body, settings or []), key)
        else:
            document = gateway.get(f"/benchmark/{uri}")
        if wait:
            document = _report(session, gateway, read(_Benchmark, document).benchmark_id, seconds)
    found = read(_Benchmark, document)
    if as_json or wait or "://" not in uri:
        print_json(document)
    else:
        print_line(f"{found.benchmark_id} {found.state}")
        print_line(f"llmbatch benchmark {found.benchmark_id} --wait")
    if found.state == "failed":
        raise CommandError(f"{found.benchmark_id} failed. Its run in Airflow has the reason.")


def _report(session: Session, gateway: Gateway, benchmark_id: str, timeout: float | None) -> JsonValue:
    began = session.monotonic()
    while True:
        document = gateway.get(f"/benchmark/{benchmark_id}")
        if read(_Benchmark, document).state in {"success", "failed"}:
            return document
        if timeout is not None and session.monotonic() - began > timeout:
            text = f"{benchmark_id} is not over after --timeout; it continues. Run the command with this id to wait."
            raise CommandError(text, Exit.TIMED_OUT)
        session.sleep(POLL_SECONDS)
