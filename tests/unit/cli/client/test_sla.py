"""``sla`` and ``report`` over the real application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fakes.command_line import command_line
from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_heartbeat, put_job


def test_every_open_job_has_a_line() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_heartbeat(gateway, spec)
    line = command_line(gateway)
    out = line.run("sla").out
    for part in (spec.job_id, "on_track", "30m00s", "20m00s", "1h00m"):
        assert part in out
    jobs: Any = line.run("sla", "--json").document["jobs"]
    assert [job["job_id"] for job in jobs] == [spec.job_id]


def test_a_report_has_a_form_and_a_file(tmp_path: Path) -> None:
    line = command_line(fake_gateway())
    assert line.run("report", "--json").document["schema_version"] == 1
    assert line.run("report", "--format", "csv").out.splitlines()[0].count(",") > 1
    path = tmp_path / "report.html"
    assert line.run("report", "--format", "html", "--out", str(path)).out == ""
    assert path.read_text().lstrip().lower().startswith("<!doctype html")
    assert line.run("report", "--out", str(path)).out == ""
    assert json.loads(path.read_text())["jobs"] == 0
    assert line.run("report", "--format", "xml").code == 2
