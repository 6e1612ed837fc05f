"""``make demo``: a real job on real input through the real engine, on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue
from rich.console import Console

from llmbatch.cli.client.exits import CommandError
from llmbatch.cli.client.session import Session
from llmbatch.core.manifest import JobManifest
from llmbatch.core.shown import shown, shown_lines
from llmbatch.s3.store import S3Store
from llmbatch_stack import stack
from llmbatch_stack.credentials import load_or_create, secrets_file
from llmbatch_stack.demo.airflow_api import DagRun
from llmbatch_stack.demo.client import configure, start_job
from llmbatch_stack.demo.job_run import DAG_ID, FinishedRun, JobFailed, follow, open_airflow, open_store
from llmbatch_stack.demo.size import engine_probe
from llmbatch_stack.demo.view import LiveView, show_result, show_samples, show_summary
from llmbatch_stack.settings import BUCKET, Settings, SettingsError

PROMPTS = Path("examples/prompts/python_docs.jsonl")
MAX_TOKENS = 64
SLA_HOURS = 1
SAMPLES = 3

JOB_PAGE = "/plugin/llmbatch/llmbatch/ui/jobs"
"""Path of the pages of jobs in Airflow's UI."""


def demo(settings: Settings) -> int:
    """Start the stack if need be, run the job, show it, print ``RESULT``. Return the exit code."""
    console = Console(highlight=False)
    credentials = load_or_create(settings)
    lines = (settings.repo / PROMPTS).read_text(encoding="utf-8").splitlines()

    def report(line: str) -> None:
        console.print(shown(line), markup=False, soft_wrap=True)

    rows = _rows_wanted()
    if rows is None:
        with engine_probe(settings, credentials, lines, MAX_TOKENS, report) as probe:
            _up(settings, report)
            rows = probe.rows(len(lines), MAX_TOKENS)
    else:
        _up(settings, report)
    lines = lines[:rows]
    store = open_store(settings, credentials)
    input_uri = f"s3://{BUCKET}/inputs/demo/{PROMPTS.name}"
    store.put(input_uri, ("\n".join(lines) + "\n").encode())
    console.print(f"uploaded {len(lines)} prompts to {input_uri}")
    request: dict[str, JsonValue] = {
        "input_uri": input_uri,
        "sampling": {"max_tokens": MAX_TOKENS, "temperature": 0},
        "sla_hours": SLA_HOURS,
    }
    session = Session()
    try:
        started = start_job(configure(settings, credentials, session), request, session)
    except CommandError as error:
        console.print(f"the job was not started: {error.message}", markup=False, soft_wrap=True)
        return 1
    run = DagRun(DAG_ID, started.dag_run_id, started.state)
    console.print(f"started {settings.airflow_url}/dags/{DAG_ID}/runs/{run.run_id}", soft_wrap=True)
    console.print(f"the same in another terminal: bin/llmbatch watch {started.job_id}", soft_wrap=True)
    with open_airflow(settings, credentials) as api:
        view = LiveView(console)
        try:
            job = follow(api, store, run, view.show)
        except JobFailed as error:
            view.close()
            console.print(f"the job failed: {shown_lines(error)}", markup=False, soft_wrap=True)
            return 1
        finally:
            view.close()
    show_summary(console, job.manifest, job.seconds_total)
    show_samples(console, _samples(store, job, lines))
    console.print("\nWhere to look")
    secrets = secrets_file(settings)
    airflow = f"{settings.airflow_url}   login {credentials.airflow_user}, password: airflow_password in {secrets}"
    console.print(f"  Airflow   {airflow}", soft_wrap=True)
    console.print(f"  page      {settings.airflow_url}{JOB_PAGE}/{job.manifest.job_id}", soft_wrap=True)
    console.print(f"  Ray       {settings.ray_url}   ray_token in the same file", soft_wrap=True)
    for output in job.manifest.outputs:
        console.print(f"  results   {shown(output.uri)}   {output.rows} rows", markup=False, soft_wrap=True)
    console.print(f"  proof     {job.layout.manifest}", soft_wrap=True)
    for verb in ("show", "results"):
        console.print(f"  command   bin/llmbatch {verb} {job.manifest.job_id}", soft_wrap=True)
    console.print("  stop      make down\n")
    show_result(_result(job))
    return 0


def _up(settings: Settings, report: Callable[[str], None]) -> None:
    if stack.up(settings, report):
        report("the stack is up")


def _rows_wanted() -> int | None:
    """Return what the user has set; None leaves it to the machine."""
    text = os.environ.get("LLMBATCH_DEMO_ROWS")
    if text is None:
        return None
    if not text.isdigit() or int(text) < 1:
        raise SettingsError(f"LLMBATCH_DEMO_ROWS={text!r} is not a whole number above 0; correct or unset it")
    return int(text)


def _result(job: FinishedRun) -> dict[str, object]:
    manifest: JobManifest = job.manifest
    work = manifest.timing.get("work", 0.0) + manifest.timing.get("tail", 0.0)
    return {
        "job_id": manifest.job_id,
        "rows_input": manifest.rows.input,
        "rows_succeeded": manifest.rows.succeeded,
        "rows_failed": manifest.rows.failed,
        "missing": manifest.missing,
        "duplicates": manifest.duplicates,
        "output_tokens": manifest.tokens.completion,
        "tokens_per_second": round(manifest.tokens.completion / work, 1) if work else None,
        "seconds_total": round(job.seconds_total, 1),
        "seconds_phase": {phase: round(seconds, 2) for phase, seconds in manifest.timing.items()},
        "sla_met": manifest.sla.met,
    }


def _samples(store: S3Store, job: FinishedRun, lines: list[str]) -> list[tuple[str, str, str]]:
    """Return the first answers as ``(custom_id, question, answer)``."""
    questions = {row["custom_id"]: row["body"]["messages"][-1]["content"] for row in map(json.loads, lines)}
    answers = next(output.uri for output in job.manifest.outputs if output.rows)
    found = []
    for line in store.get(answers).decode().splitlines()[:SAMPLES]:
        row = json.loads(line)
        answer = row["response"]["body"]["choices"][0]["message"]["content"]
        found.append((row["custom_id"], questions[row["custom_id"]], answer))
    return found
