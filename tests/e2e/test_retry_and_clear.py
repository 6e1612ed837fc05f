"""Requested twice, cleared, retried: finished work stays finished, and only what failed is run again."""

import json
import time

import pytest

from e2e.mixed import INPUT, SHORT_ROWS, Mixed
from e2e.running import Running
from llmbatch.core.identity import job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest
from llmbatch.orchestrator.ray_jobs.address import RayAddress
from llmbatch.orchestrator.ray_jobs.client import RayJobs
from llmbatch_stack.demo.job_run import BASE_URI, DAG_ID

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def end_of(running: Running, run_id: str) -> dict[str, str | None]:
    while not running.api.run(DAG_ID, run_id).is_over:
        time.sleep(1)
    return {name: task.state for name, task in running.api.tasks(DAG_ID, run_id).items()}


def test_finished_work_stays_finished_and_what_failed_is_retried(running: Running, mixed: Mixed, tiny_model: str):
    first, layout, proof = mixed.run_id, mixed.layout, mixed.manifest
    assert set(end_of(running, first).values()) == {"success"}
    good, bad = SHORT_ROWS + 5, 6
    assert (proof.rows.succeeded, proof.rows.failed, proof.input.invalid_rows) == (good, bad, 3)

    running.store.delete(INPUT)
    before = {info.uri: info.etag for info in running.store.list(layout.root)}
    with RayJobs(RayAddress(running.settings.ray_url, "ray", running.credentials.ray_token)) as jobs:
        submitted = {info.submission_id for info in jobs.submissions()}
        again = running.api.trigger(DAG_ID, mixed.conf).run_id
        running.api.clear_run(DAG_ID, first)
        assert set(end_of(running, again).values()) == {"success"}
        assert "event=already_done" in running.log_of_run(again)
        assert set(end_of(running, first).values()) == {"success"}
        assert running.api.tasks(DAG_ID, first)["run"].attempt > 1
        assert "event=already_done" in running.log_of_run(first)
        assert {info.submission_id for info in jobs.submissions()} == submitted
    assert {info.uri: info.etag for info in running.store.list(layout.root)} == before

    conf = {"retry_failed_of": proof.job_id, "model": tiny_model, "max_error_rate": 0.7, "sampling": {"max_tokens": 64}}
    retry = running.api.trigger(DAG_ID, conf).run_id
    assert set(end_of(running, retry).values()) == {"success"}
    whole = JobManifest.model_validate_json(
        running.store.get(JobLayout.of(BASE_URI, job_id_of(DAG_ID, retry)).manifest)
    )
    assert (whole.rows.input, whole.rows.succeeded, whole.rows.failed) == (good + bad, good + 1, bad - 1)
    assert (whole.missing, whole.duplicates, whole.retry_of) == (0, 0, layout.root)
    assert sum(shard.rows for shard in whole.shards) == 3  # cut off, too long again, and for embeddings again
    delivered = running.files(whole)["output.jsonl"].splitlines()
    answers = {line["custom_id"]: line for line in map(json.loads, delivered)}
    assert len(answers) == good + 1
    assert set(json.loads(answers["cut-off"]["response"]["body"]["choices"][0]["message"]["content"])) == {"yes"}
