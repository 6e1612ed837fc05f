"""DAGs of the factory as users write them: a backfill of three days, its repetition, a failed night, an asset."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from chaos.cell import Matrix
from chaos.stack import echo_engine
from e2e.echo.user_dags import INPUTS, NIGHTLY, ON_ASSET
from e2e.running import Running
from llmbatch.core.job_spec import JobSpec
from llmbatch_stack.demo.airflow_api import TERMINAL_STATES, DagRun
from llmbatch_stack.demo.job_run import DAG_ID, layout_of
from llmbatch_stack.environment import environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]
NO_INPUT, WITH_INPUT, NO_DATE = "2026-01-04", "2026-01-05", "no-date"
POLL_SECONDS, PATIENCE_SECONDS = 1.0, 1200.0


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(POLL_SECONDS)


@pytest.fixture(scope="module")
def running(matrix: Matrix) -> Iterator[Running]:
    """The stack, which knows the users' DAGs, and the questions of three days."""
    stack = matrix.stack
    stack.mend()
    stack.configure(echo_engine(stack.journal, 0.1))
    with stack.api() as api:
        found = Running(stack.settings, stack.credentials, stack.store, api)
        for day in DAYS:
            put_questions(found, day)
        for dag_id in (NIGHTLY, ON_ASSET):
            until(lambda dag_id=dag_id: is_known(found, dag_id), f"the DAG {dag_id}")
        yield found


def put_questions(running: Running, day: str) -> None:
    rows = [json.dumps({"id": f"{day}-{number}", "prompt": f"{day} {number}"}) for number in range(5)]
    running.store.put(f"{INPUTS}/{day}/questions.jsonl", "\n".join(rows).encode())


def is_known(running: Running, dag_id: str) -> bool:
    try:
        running.api.get(f"/api/v2/dags/{dag_id}")
    except httpx.HTTPStatusError:
        return False
    return True


def command(running: Running, *words: str) -> None:
    """Run Airflow's command line."""
    env = environment("airflow", running.settings, running.credentials)
    done = subprocess.run(["airflow", *words], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def backfill(running: Running, first: str, last: str, *options: str) -> None:
    """Run a backfill to its end. Airflow refuses another one until its scheduler has noticed that all runs are over."""
    dates = ("--from-date", first, "--to-date", f"{last}T23:59")
    command(running, "backfill", "create", "--dag-id", NIGHTLY, *dates, *options)
    wait(running, NIGHTLY)
    until(lambda: all(one["completed_at"] for one in backfills(running)), "the end of the backfill")


def backfills(running: Running) -> list[dict[str, str | None]]:
    return list(running.api.get(f"/api/v2/backfills?dag_id={NIGHTLY}").json()["backfills"])


def wait(running: Running, dag_id: str) -> None:
    """Wait until the DAG has runs and all of them are over."""
    until(
        lambda: (states := set(running.api.runs(dag_id).values())) and states <= TERMINAL_STATES,
        f"the end of all runs of {dag_id}",
    )


def jobs(running: Running, dag_id: str) -> dict[str, str]:
    """Return the run ids of the DAG's finished jobs by input."""
    states = running.api.runs(DAG_ID)
    found = [run_id for run_id in states if run_id.startswith(f"{dag_id}__") and states[run_id] == "success"]
    specs = [JobSpec.model_validate_json(running.store.get(layout_of(DagRun(DAG_ID, run, "")).spec)) for run in found]
    assert len({spec.request.source_uri for spec in specs}) == len(specs), "one input, two jobs"
    return {spec.request.source_uri: spec.run_id for spec in specs}


def log_of_start(running: Running, dag_id: str, run_id: str) -> str:
    return running.api.log(dag_id, run_id, "job", running.api.tasks(dag_id, run_id)["job"].attempt)


@pytest.fixture(scope="module")
def three_days(running: Running) -> dict[str, str]:
    backfill(running, DAYS[0], DAYS[-1], "--max-active-runs", "2")
    return jobs(running, NIGHTLY)


def test_a_backfill_of_three_days_makes_three_jobs(running: Running, three_days: dict[str, str]) -> None:
    assert set(running.api.runs(NIGHTLY).values()) == {"success"}
    assert set(three_days) == {f"{INPUTS}/{day}/" for day in DAYS}
    for day in DAYS:
        manifest = running.finish(three_days[f"{INPUTS}/{day}/"])
        assert (manifest.rows.input, manifest.rows.succeeded) == (5, 5)
        assert (manifest.missing, manifest.duplicates) == (0, 0)
        text = "".join(running.files(manifest).values())
        assert f"{day}-4" in text


def test_a_second_backfill_of_the_same_days_makes_no_second_job(running: Running, three_days: dict[str, str]) -> None:
    backfill(running, DAYS[0], DAYS[-1])
    assert len(running.api.runs(NIGHTLY)) == 3
    backfill(running, DAYS[0], DAYS[-1], "--reprocess-behavior", "completed")
    assert set(running.api.runs(NIGHTLY).values()) == {"success"}
    assert jobs(running, NIGHTLY) == three_days
    for run_id in running.api.runs(NIGHTLY):
        assert "start=found" in log_of_start(running, NIGHTLY, run_id)


@pytest.fixture(scope="module")
def by_hand(running: Running, three_days: dict[str, str]) -> None:
    """Start runs of both DAGs at once, so that waits overlap: a night without input, one with, one without a date."""
    put_questions(running, WITH_INPUT)
    running.api.update_asset("e2e_new_questions", {"uri": f"{INPUTS}/{DAYS[1]}/questions.jsonl"})
    for day in (NO_INPUT, WITH_INPUT):
        command(running, "dags", "trigger", NIGHTLY, "--logical-date", day, "--run-id", day)
    running.api.trigger(NIGHTLY, {}, NO_DATE)
    wait(running, NIGHTLY)


@pytest.mark.usefixtures("by_hand")
def test_a_failed_job_fails_its_night_and_a_clear_continues_it(running: Running) -> None:
    assert running.api.runs(NIGHTLY)[NO_INPUT] == "failed"
    log = log_of_start(running, NIGHTLY, NO_INPUT)
    ended = running.api.runs(DAG_ID)
    (failed,) = [run_id for run_id in ended if run_id.startswith(NIGHTLY) and ended[run_id] == "failed"]
    assert f"run {failed} of {DAG_ID} failed" in log
    assert "Clear this task" in log

    put_questions(running, NO_INPUT)
    running.api.clear_run(NIGHTLY, NO_INPUT)
    wait(running, NIGHTLY)
    assert running.api.runs(NIGHTLY)[NO_INPUT] == "success"
    assert "start=continued" in log_of_start(running, NIGHTLY, NO_INPUT)
    assert jobs(running, NIGHTLY)[f"{INPUTS}/{NO_INPUT}/"] == failed
    assert running.finish(failed).missing == 0


@pytest.mark.usefixtures("by_hand")
def test_an_asset_event_starts_a_job_on_what_it_names(running: Running) -> None:
    wait(running, ON_ASSET)
    assert set(running.api.runs(ON_ASSET).values()) == {"success"}
    assert set(jobs(running, ON_ASSET)) == {f"{INPUTS}/{DAYS[1]}/questions.jsonl"}


@pytest.mark.usefixtures("by_hand")
def test_a_run_without_a_date_says_what_to_write_instead(running: Running) -> None:
    assert running.api.runs(NIGHTLY)[NO_DATE] == "failed"
    log = log_of_start(running, NIGHTLY, NO_DATE)
    assert "input_uri: 'ds' is undefined" in log
    assert "{{ dag_run.run_after | ds }}" in log


@pytest.mark.usefixtures("by_hand")
def test_a_person_starts_a_night_with_its_date(running: Running) -> None:
    assert running.api.runs(NIGHTLY)[WITH_INPUT] == "success"
    assert running.finish(jobs(running, NIGHTLY)[f"{INPUTS}/{WITH_INPUT}/"]).rows.succeeded == 5
