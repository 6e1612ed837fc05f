"""``doctor`` names what is wrong and what to do."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

import httpx

from fakes.command_line import answering, command_line
from fakes.gateway import fake_gateway

HEALTHY = {"status": "ready", "airflow": {"scheduler": "healthy"}, "store": "healthy"}


def answer(request: httpx.Request, health: dict[str, object] | None = None, status: int = 200) -> httpx.Response:
    if request.url.path == "/health":
        return httpx.Response(status, json=health or HEALTHY, headers={"Date": formatdate(1000, usegmt=True)})
    if request.headers.get("authorization") != "Bearer key":
        return httpx.Response(401, json={"error": {"message": "No key."}})
    if request.url.path == "/checks":
        return httpx.Response(200, json={"checks": [{"name": "backups", "state": "look", "text": "none"}]})
    return httpx.Response(200, json={"data": []})


def test_nothing_is_wrong() -> None:
    line = answering(answer)
    line.wall = 1003.0
    done = line.run("doctor")
    assert done.code == 0
    assert [text.split()[:2] for text in done.out.splitlines()] == [
        ["ok", "config"], ["ok", "gateway"], ["ok", "clock"], ["ok", "credential"], ["look", "backups"], ["ok", "disk"],
    ]  # fmt: skip
    document = line.run("doctor", "--json").document
    assert document["ok"] is True
    checks = document["checks"]
    assert isinstance(checks, list)
    assert checks[4] == {"check": "backups", "ok": False, "state": "look", "text": "none"}


def test_over_the_real_application() -> None:
    done = command_line(fake_gateway()).run("doctor")
    assert ("look  backups" in done.out, "ok    versions" in done.out) == (True, True)
    assert "WRONG" not in done.out.replace("WRONG server disk", "")  # that is this machine's
    assert "WRONG clock" not in done.out
    assert command_line(fake_gateway(), "nobody").run("doctor").code == 3


def test_clocks_that_differ_are_named() -> None:
    line = answering(answer)
    line.wall = 1200.0
    done = line.run("doctor")
    assert (done.code, "200 s ahead of" in done.out) == (1, True)


def test_a_sick_part_is_named_and_the_rest_is_checked() -> None:
    sick: dict[str, object] = {"status": "degraded", "airflow": {"scheduler": "unhealthy"}, "store": "healthy"}
    line = answering(lambda request: answer(request, sick, 503))
    line.wall = 1000.0
    done = line.run("doctor")
    assert (done.code, "scheduler is unhealthy" in done.out, "ok    credential" in done.out) == (5, True, True)


def test_a_gateway_out_of_reach_ends_the_checks() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    done = answering(refuse).run("doctor")
    assert (done.code, len(done.out.splitlines())) == (5, 3)


def test_the_configuration_is_checked(tmp_path: Path) -> None:
    line = answering(answer, tmp_path)
    line.wall = 1000.0
    assert line.run("doctor").code == 2
    path = tmp_path / "client.toml"
    path.write_text('host = "http://h"\nkey = "key"\n')
    path.chmod(0o644)
    done = line.run("doctor")
    assert (done.code, f"chmod 600 {path}" in done.out) == (2, True)
    path.chmod(0o600)
    assert line.run("doctor", LLMBATCH_HOST="http://other").code == 3
    assert line.run("doctor", LLMBATCH_HOST="nothing").code == 2
