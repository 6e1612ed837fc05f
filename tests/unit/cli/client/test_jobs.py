"""``jobs``, ``show`` and ``queue`` over the real application."""

from __future__ import annotations

from typing import Any

from fakes.command_line import command_line
from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_heartbeat, put_job, put_run


def test_jobs_are_listed_page_by_page() -> None:
    gateway = fake_gateway()
    older, newer = put_run(gateway, "a"), put_run(gateway, "b")
    line = command_line(gateway)
    first = line.run("jobs", "--limit", "1")
    assert (newer in first.out, older in first.out) == (True, False)
    assert first.out.splitlines()[-1] == f"more: llmbatch jobs --after {newer}"
    data: Any = line.run("jobs", "--after", newer, "--json").document["data"]
    assert [job["job_id"] for job in data] == [older]


def test_jobs_of_a_state() -> None:
    gateway = fake_gateway()
    put_run(gateway, "a")
    spec = put_job(gateway, "b")
    out = command_line(gateway).run("jobs", "--state", "running").out
    assert (out.count("job-"), spec.job_id in out) == (1, True)


def test_one_job_is_shown() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_heartbeat(gateway, spec)
    line = command_line(gateway)
    out = line.run("show", spec.job_id).out
    for part in (spec.job_id, "running (work)", "on_track", "30m00s (20m00s-1h00m)", "50 of ", "output"):
        assert part in out
    assert line.run("show", spec.job_id, "--json").document["job_id"] == spec.job_id


def test_a_failed_job_has_its_reason() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", "failed")
    gateway.airflow.tasks[spec.dag_id, spec.run_id] = {"run": "failed"}
    assert "run: " in command_line(gateway).run("show", spec.job_id).out


def test_the_queue_is_in_order() -> None:
    gateway = fake_gateway()
    later, sooner = put_run(gateway, "a", sla_hours=9), put_run(gateway, "b", sla_hours=2)
    line = command_line(gateway)
    out = line.run("queue").out
    assert 0 < out.index(sooner) < out.index(later)
    assert len(line.run("queue", "--json").document) == 1


def test_without_a_host_the_command_says_what_to_do() -> None:
    done = command_line(fake_gateway()).run("jobs", LLMBATCH_HOST="", LLMBATCH_CLIENT_CONFIG="/nonexistent/a.toml")
    assert (done.code, "llmbatch login" in done.err) == (2, True)


def test_a_wrong_key_is_exit_code_3() -> None:
    done = command_line(fake_gateway(), "nobody").run("jobs")
    assert (done.code, "llmbatch login" in done.err) == (3, True)
    assert "nobody" not in done.err
