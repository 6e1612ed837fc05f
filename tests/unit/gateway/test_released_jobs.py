"""What every recorded version has stored, shown and listed by this one (ADR 21)."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.released import RELEASES, Release
from llmbatch.core.identity import FAILURE
from llmbatch.gateway.airflow.client import DagRun

EACH = pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)


def deployment(release: Release) -> FakeGateway:
    gateway = fake_gateway(store={"base_uri": release.base}, engine={"kind": "echo"})
    gateway.clock.advance((release.recorded_at - gateway.clock.now()).total_seconds())
    release.load(gateway.store)
    for noted in release.noted["runs"]:
        run = DagRun.model_validate(noted["run"])
        key = (run.dag_id, run.dag_run_id)
        gateway.airflow.dag_runs[key] = run
        gateway.airflow.tasks[key] = noted["tasks"]
        for task, failure in noted["failures"].items():
            gateway.airflow.xcoms[*key, task, FAILURE] = failure
    return gateway


def ask(gateway: FakeGateway, path: str) -> Any:
    answer = gateway.client.get(path, headers=gateway.as_user("ann"))
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


@EACH
def test_its_jobs_are_listed_and_each_shows_its_state(release: Release) -> None:
    gateway = deployment(release)
    names = {job_id: name for name, job_id in release.noted["jobs"].items()}
    listed = {names[job["job_id"]]: job["state"] for job in ask(gateway, "/jobs?limit=100")["data"]}
    assert listed == {
        "waiting": "running", "half_done": "running", "finished": "succeeded", "retry": "succeeded", "failed": "failed",
        "refused": "failed", "cancelled": "failed", "delivered_cancelled": "succeeded", "batch": "succeeded",
        "invalid_batch": "failed",
    }  # fmt: skip
    shown = {name: ask(gateway, f"/jobs/{job_id}") for job_id, name in names.items()}
    assert {name: job["state"] for name, job in shown.items()} == listed
    half = shown["half_done"]
    assert (half["phase"], half["rows"]["total"]) == ("work", 12)
    assert 4 <= half["rows"]["succeeded"] < 12
    assert (shown["finished"]["rows"]["failed"], [alert["level"] for alert in shown["finished"]["alerts"]]) == (
        3,
        ["yellow"],
    )
    assert shown["delivered_cancelled"]["rows"]["cancelled"] > 0
    assert shown["refused"]["error"]["task"] == "accept"


@EACH
def test_its_pages_are_shown(release: Release) -> None:
    gateway = deployment(release)
    for name in ("half_done", "finished", "failed", "cancelled"):
        page = gateway.client.get(f"/ui/jobs/{release.job(name).job_id}", headers=gateway.as_user("ann"))
        assert page.status_code == 200, page.text
        assert release.job(name).job_id in page.text


@EACH
def test_its_batches_and_files_are_shown(release: Release) -> None:
    gateway = deployment(release)
    batches = {batch["id"]: batch for batch in ask(gateway, "/v1/batches")["data"]}
    good, bad = (batches[f"batch_{release.job(name).job_id[4:]}"] for name in ("batch", "invalid_batch"))
    assert (good["status"], good["request_counts"]) == ("completed", {"total": 4, "completed": 4, "failed": 0})
    assert bad["status"] == "failed"
    assert "invalid_json_line" in {error["code"] for error in bad["errors"]["data"]}
    files = {file["id"] for file in ask(gateway, "/v1/files")["data"]}
    assert {good["input_file_id"], good["output_file_id"], bad["input_file_id"]} <= files
    lines = gateway.client.get(f"/v1/files/{good['output_file_id']}/content", headers=gateway.as_user("ann"))
    assert (lines.status_code, len(lines.text.splitlines())) == (200, 4)


@EACH
def test_its_keys_and_figures_are_shown(release: Release) -> None:
    gateway = deployment(release)
    assert [key["name"] for key in ask(gateway, "/keys")["keys"]] == ["nightly evaluation"]
    metrics = gateway.client.get("/metrics", headers=gateway.as_user("ann"))
    assert metrics.status_code == 200
    assert f'llmbatch="{release.version}"' in next(
        line for line in metrics.text.splitlines() if line.startswith("llmbatch_cluster_info")
    )
