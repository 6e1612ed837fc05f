"""A finished job is delivered to another address by a run of its own, and its proof stays as it is."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from e2e.running import Running
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest
from llmbatch_stack.demo.job_run import BASE_URI
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_a_finished_job_is_delivered_elsewhere(running: Running, demo) -> None:
    job_id = demo.result["job_id"]
    stored = running.store.get(JobLayout.of(BASE_URI, job_id).manifest)
    proof = JobManifest.model_validate_json(stored)
    answer = httpx.post(
        f"{running.settings.airflow_url}/llmbatch/jobs/{job_id}/deliver",
        json={"output_uri": f"s3://{BUCKET}/elsewhere"},
        headers={"Authorization": f"Bearer {running.api.token}"},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text
    started = answer.json()
    while not (run := running.api.run(started["dag_id"], started["dag_run_id"])).is_over:
        time.sleep(1)
    assert run.state == "success"
    folder = f"s3://{BUCKET}/elsewhere/{job_id}/"
    assert started["output_uri"] == folder
    for output in proof.outputs:
        name = output.uri.rsplit("/", 1)[-1]
        assert running.store.get(f"{folder}{name}") == running.store.get(output.uri)
    assert json.loads(running.store.get(f"{folder}manifest.json"))["rows"]["succeeded"] == demo.rows
    assert running.store.get(JobLayout.of(BASE_URI, job_id).manifest) == stored
