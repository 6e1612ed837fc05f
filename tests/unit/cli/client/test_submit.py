"""``submit`` over the real application."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from fakes.command_line import answering, command_line
from fakes.gateway import Decided, FakeGateway, fake_gateway
from llmbatch.core.identity import INFERENCE_DAG, job_id_of

STARTED = {
    "job_id": "job-0123456789abcdef", "dag_run_id": "r", "state": "queued", "deadline": "2030-01-01T06:00:00Z",
    "admission": {"verdict": "feasible", "eta_p50": 3600, "eta_p90": 7200, "reason": ""},
}  # fmt: skip


def deciding(state: str = "success") -> FakeGateway:
    gateway = fake_gateway()
    gateway.airflow.tasks = Decided(state)
    return gateway


def test_options_become_the_request_of_a_run() -> None:
    gateway = deciding()
    done = command_line(gateway).run(
        "submit", "s3://b/in.jsonl", "--model", "small", "--sla", "90m", "--priority", "3", "--output", "s3://b/out/",
        "--set", "sampling.max_tokens=64", "--idempotency-key", "k", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    (run,) = gateway.airflow.dag_runs.values()
    assert run.conf == {
        "input_uri": "s3://b/in.jsonl", "model": "small", "sla_hours": 1.5, "priority": 3,
        "output_uri": "s3://b/out/", "sampling": {"max_tokens": 64}, "idempotency_key": "k",
    }  # fmt: skip
    assert done.document["dag_run_id"] == run.dag_run_id


def test_every_start_has_a_key_so_that_it_can_be_repeated_and_shows_what_comes_next() -> None:
    gateway = deciding()
    done = command_line(gateway).run("submit", "s3://b/in.jsonl")
    (run,) = gateway.airflow.dag_runs.values()
    assert run.dag_run_id.startswith("key__")
    job_id = job_id_of(INFERENCE_DAG, run.dag_run_id)
    assert done.out.splitlines()[0].startswith(f"{job_id} queued, due ")
    assert done.out.splitlines()[-1] == f"llmbatch watch {job_id}"


def test_the_decision_is_shown() -> None:
    out = answering(lambda _: httpx.Response(202, json=STARTED)).run("submit", "s3://b/in.jsonl").out
    assert "admission: feasible, p50 1h00m, p90 2h00m\n" in out


def test_a_wrong_field_is_refused_with_its_name() -> None:
    done = command_line(deciding()).run("submit", "s3://b/in.jsonl", "--set", "modle=small")
    assert (done.code, done.out) == (1, "")
    assert "modle" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_viewer_may_not_start() -> None:
    done = command_line(deciding(), "viewer-vic").run("submit", "s3://b/in.jsonl")
    assert (done.code, "refuses" in done.err) == (3, True)


def test_wait_ends_with_the_job() -> None:
    gateway = deciding()
    line = command_line(gateway)

    def fail(_: float) -> None:
        (run,) = gateway.airflow.dag_runs.values()
        gateway.airflow.set_state(INFERENCE_DAG, run.dag_run_id, "failed", gateway.clock.now())

    line.on_sleep = fail
    done = line.run("submit", "s3://b/in.jsonl", "--wait", "--json")
    assert (done.code, done.document["state"]) == (1, "failed")
    assert " failed: " in done.err


def test_a_dry_run_has_no_key_and_is_followed() -> None:
    gateway = deciding()
    line = command_line(gateway)

    def end(_: float) -> None:
        (run,) = gateway.airflow.dag_runs.values()
        gateway.airflow.set_state(INFERENCE_DAG, run.dag_run_id, "success", gateway.clock.now())

    line.on_sleep = end
    done = line.run("submit", "s3://b/in.jsonl", "--dry-run")
    (run,) = gateway.airflow.dag_runs.values()
    assert (done.code, run.conf) == (0, {"input_uri": "s3://b/in.jsonl", "dry_run": True})
    assert "succeeded" in done.out


def batch_file(folder: Path, url: str = "/v1/embeddings") -> Path:
    path = folder / "batch.jsonl"
    path.write_text(json.dumps({"custom_id": "a", "method": "POST", "url": url, "body": {}}) + "\n")
    return path


def test_a_local_batch_is_uploaded(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        answers = {"/v1/files": {"id": "file-1"}, "/v1/batches": {"id": "batch_0123456789abcdef"}}
        return httpx.Response(200, json=answers.get(request.url.path, STARTED))

    done = answering(answer).run("submit", str(batch_file(tmp_path)), "--sla", "90m", "--priority", "-3", "--json")
    assert (done.code, done.document) == (0, STARTED)
    assert [one.url.path for one in seen] == ["/v1/files", "/v1/batches", "/jobs/job-0123456789abcdef"]
    assert b'filename="batch.jsonl"' in seen[0].content
    assert json.loads(seen[1].content) == {
        "input_file_id": "file-1", "endpoint": "/v1/embeddings", "completion_window": "24h", "sla_hours": 1.5,
        "priority": -3,
    }  # fmt: skip
    assert seen[1].headers["idempotency-key"]


def test_other_options_do_not_apply_to_a_local_batch(tmp_path: Path) -> None:
    options = ("--sla", "6h", "--model", "small")
    done = answering(lambda _: httpx.Response(500)).run("submit", str(batch_file(tmp_path)), *options)
    assert (done.code, done.err.partition(":")[2].strip().startswith("model: ")) == (2, True), done.err


@pytest.mark.parametrize("text", ["a,b\n1,2\n", '{"prompt": "x"}\n', "", "\x00"])
def test_another_local_file_needs_an_address(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    done = answering(lambda _: httpx.Response(500)).run("submit", str(path))
    assert (done.code, "aws s3 cp" in done.err) == (2, True)
