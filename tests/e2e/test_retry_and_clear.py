"""Asked twice, cleared, retried: finished work stays finished, and only what failed is run again."""

import json
import time
import uuid

import pytest

from llmbatch.core.identity import job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest
from llmbatch.orchestrator.ray_address import RayAddress
from llmbatch.orchestrator.ray_jobs import RayJobs
from llmbatch_stack.job_run import BASE_URI, DAG_ID
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

INPUT = f"s3://{BUCKET}/inputs/e2e/retry.jsonl"
SCHEMA = {
    "type": "object",
    "properties": {"yes": {"type": "boolean"}},
    "required": ["yes"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


def row(name: str, **body: object) -> str:
    messages = [{"role": "user", "content": "Is the sea blue?"}]
    url = "/v1/chat/completions"
    return json.dumps({"custom_id": name, "method": "POST", "url": url, "body": {"messages": messages, **body}})


ROWS = [row("plain", max_tokens=4), row("cut off", max_tokens=1, response_format=FORM), "{broken"]


def end_of(running, run_id: str) -> dict[str, str | None]:
    while not running.api.run(DAG_ID, run_id).is_over:
        time.sleep(1)
    return {name: task.state for name, task in running.api.tasks(DAG_ID, run_id).items()}


def test_finished_work_stays_finished_and_what_failed_is_retried(running, tiny_model):
    running.store.put(INPUT, "\n".join(ROWS).encode())
    conf = {"input_uri": INPUT, "model": tiny_model, "max_error_rate": 0.7, "idempotency_key": uuid.uuid4().hex}
    first = running.api.trigger(DAG_ID, conf).run_id
    assert set(end_of(running, first).values()) == {"success"}
    layout = JobLayout.of(BASE_URI, job_id_of(DAG_ID, first))
    proof = JobManifest.model_validate_json(running.store.get(layout.manifest))
    assert (proof.rows.succeeded, proof.rows.failed, proof.input.invalid_rows) == (1, 2, 1)

    running.store.delete(INPUT)
    before = {info.uri: info.etag for info in running.store.list(layout.root)}
    with RayJobs(RayAddress(running.settings.ray_url, "ray", running.credentials.ray_token)) as jobs:
        submitted = {info.submission_id for info in jobs.submissions()}
        again = running.api.trigger(DAG_ID, conf).run_id
        assert set(end_of(running, again).values()) == {"success"}
        assert "is done, nothing is run" in running.log_of_run(again)
        running.api.clear_run(DAG_ID, first)
        assert set(end_of(running, first).values()) == {"success"}
        assert running.api.tasks(DAG_ID, first)["run"].attempt > 1
        assert "is done, nothing is run" in running.log_of_run(first)
        assert {info.submission_id for info in jobs.submissions()} == submitted
    assert {info.uri: info.etag for info in running.store.list(layout.root)} == before

    retry = running.api.trigger(
        DAG_ID, {"retry_failed_of": proof.job_id, "max_error_rate": 0.7, "sampling": {"max_tokens": 64}}
    ).run_id
    assert set(end_of(running, retry).values()) == {"success"}
    whole = JobManifest.model_validate_json(
        running.store.get(JobLayout.of(BASE_URI, job_id_of(DAG_ID, retry)).manifest)
    )
    assert (whole.rows.input, whole.rows.succeeded, whole.rows.failed) == (3, 2, 1)
    assert (whole.missing, whole.duplicates, whole.retry_of, sum(s.rows for s in whole.shards)) == (
        0,
        0,
        layout.root,
        1,
    )
    delivered = running.files(whole)["output.jsonl"].splitlines()
    answers = {line["custom_id"]: line for line in map(json.loads, delivered)}
    assert set(answers) == {"plain", "cut off"}
    assert set(json.loads(answers["cut off"]["response"]["body"]["choices"][0]["message"]["content"])) == {"yes"}
