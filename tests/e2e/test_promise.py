"""The admission of a job before it runs, after a finished job has shown the real engine's speed."""

from __future__ import annotations

import json
import time

import pytest

from e2e.mixed import MOST_TOKENS, Mixed
from e2e.running import Running
from llmbatch.core.admission import Feasibility
from llmbatch.core.dry_run import DryRun
from llmbatch_stack.demo.airflow_api import DagRun
from llmbatch_stack.demo.job_run import DAG_ID, JobFailed, follow, layout_of
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

ROWS = 40
INPUT = f"s3://{BUCKET}/inputs/e2e/promise.jsonl"
CONF: dict[str, object] = {
    "input_uri": INPUT,
    "sampling": {"max_tokens": MOST_TOKENS, "temperature": 0},
    "engine": {"batch_size": 8},
}
"""Model, engine and limit are those of the mixed job, so it is that job which has taught."""


def until_over(running: Running, run: DagRun) -> DagRun:
    """Wait for the end of a run that publishes nothing."""
    while not (now := running.api.run(run.dag_id, run.run_id)).is_over:
        time.sleep(0.5)  # Airflow sends no event
    return now


def test_a_finished_job_teaches_dry_runs_and_admission(running: Running, mixed: Mixed):
    lines = [json.dumps({"prompt": f"Count to {n}."}) for n in range(ROWS - 1)]
    running.store.put(INPUT, "\n".join([*lines, "{broken"]).encode())

    started = running.api.trigger(DAG_ID, CONF | {"dry_run": True})
    late = running.api.trigger(DAG_ID, CONF | {"sla_hours": 5 / 3600, "on_infeasible": "reject"})
    assert until_over(running, started).state == "success"
    states = {name: task.state for name, task in running.api.tasks(DAG_ID, started.run_id).items()}
    assert {states[name] for name in ("run", "watch", "publish")} == {"skipped"}
    layout = layout_of(started)
    found = DryRun.model_validate_json(running.store.get(layout.dry_run))
    assert (found.rows, found.invalid_rows) == (ROWS, 1)
    assert found.output_tokens.high == (ROWS - 1) * MOST_TOKENS
    assert found.eta is not None
    taught = sum(mixed.manifest.timing[phase] for phase in ("model_load", "work"))
    assert taught / 4 < found.eta.p50 < taught * 4  # of which the engine's start is most
    assert found.admission.verdict is Feasibility.ACCEPTED
    assert not list(running.store.list(layout.staged))
    assert not list(running.store.list(layout.claims))

    with pytest.raises(JobFailed, match="task accept") as caught:
        follow(running.api, running.store, late, lambda *_: None)
    assert "on_infeasible" in str(caught.value)
    left = [info.uri for info in running.store.list(layout_of(late).root)]
    # Airflow raises the alert of a missed deadline even for a run that has not been accepted after these five seconds
    assert [uri for uri in left if not uri.startswith(layout_of(late).alerts)] == []
