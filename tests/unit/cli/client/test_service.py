"""``shutdown`` and ``resume-service`` over the real application."""

from __future__ import annotations

from fakes.command_line import command_line
from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_heartbeat, put_job


def test_the_service_is_shut_down_and_resumed() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_heartbeat(gateway, spec)
    line = command_line(gateway)
    assert line.run("shutdown", "--status").out.startswith("jobs are admitted; 0 draining")
    out = line.run("shutdown", "--reason", "new GPUs").out
    assert out.startswith("no job is admitted (new GPUs); 1 draining")
    assert f"  {spec.job_id} work: " in out
    assert line.run("shutdown", "--status", "--json").document["remaining"] == 1
    assert line.run("resume-service", "--json").document["admitting"] is True


def test_a_user_without_the_right_is_exit_code_3() -> None:
    assert command_line(fake_gateway(), "user-ann").run("shutdown").code == 3
