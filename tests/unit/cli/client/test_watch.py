"""``watch`` ends with the job, with its exit code, and survives a gateway that is away for a while."""

from __future__ import annotations

import httpx

from fakes.command_line import answering, command_line
from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_finished, put_heartbeat, put_job
from llmbatch.core.identity import INFERENCE_DAG

JOB: dict[str, object] = {
    "job_id": "job-1", "state": "running", "phase": "work", "model": "m", "owner": "ann", "progress_pct": 10.0,
    "created_at": "2030-01-01T00:00:00Z", "deadline": "2030-01-01T06:00:00Z", "sla_remaining_hours": 1.0,
    "status": "on_track",
}  # fmt: skip


def test_a_job_is_followed_to_its_end() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_heartbeat(gateway, spec)
    line = command_line(gateway)
    line.on_sleep = lambda seconds: put_finished(gateway, "r") and None if seconds >= 4 else None
    done = line.run("watch", spec.job_id)
    assert done.code == 0, done.err
    first, *_, last = done.out.splitlines()
    for part in ("work", "50/", " rows", "ETA 30m00s (20m00s-1h00m)", "on_track", "due "):
        assert part in first
    assert last.startswith(f"{spec.job_id} succeeded: ")


def test_a_failed_job_is_exit_code_1_and_its_document_is_printed() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", "failed")
    done = command_line(gateway).run("watch", spec.job_id, "--json")
    assert (done.code, done.document["job_id"]) == (1, spec.job_id)
    assert done.err.startswith(f"error: {spec.job_id} failed: ")


def test_an_unknown_job_is_exit_code_4() -> None:
    done = command_line(fake_gateway()).run("watch", "job-0123456789abcdef")
    assert (done.code, done.out) == (4, "")


def test_time_that_is_over_is_exit_code_6() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    line = command_line(gateway)
    done = line.run("watch", spec.job_id, "--timeout", "1m", "--json")
    assert (done.code, done.out, sum(line.slept)) == (6, "", 60.0)
    assert gateway.airflow.dag_runs[INFERENCE_DAG, "r"].state == "running"


def test_a_gateway_that_is_away_for_a_while_is_waited_for() -> None:
    answers = [httpx.Response(200, json=JOB), *(httpx.Response(502) for _ in range(9))]
    ended = {**JOB, "state": "succeeded", "rows": {"total": 3, "succeeded": 2, "failed": 1}}

    def answer(_: httpx.Request) -> httpx.Response:
        return answers.pop(0) if answers else httpx.Response(200, json=ended)

    done = answering(answer).run("watch", "job-1")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "job-1 succeeded: 2 of 3 rows succeeded, 1 failed; deadline on_track"


def test_one_that_stays_away_ends_the_command() -> None:
    answers = [httpx.Response(200, json=JOB)]
    line = answering(lambda _: answers.pop(0) if answers else httpx.Response(502))
    done = line.run("watch", "job-1", "--json")
    assert (done.code, 300 < sum(line.slept) < 400) == (5, True)


def test_an_answer_of_another_version_is_named() -> None:
    done = answering(lambda _: httpx.Response(200, json={"id": 1})).run("watch", "job-1", "--timeout", "0")
    assert (done.code, "job_id" in done.err) == (5, True)
