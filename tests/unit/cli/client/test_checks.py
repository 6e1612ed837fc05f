"""``checks`` over the real application."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fakes.command_line import command_line
from fakes.gateway import FakeGateway, fake_gateway
from fakes.reported_jobs import reported_jobs
from llmbatch.core.backups import BackupRecord, note_backup


def reporting() -> FakeGateway:
    gateway = fake_gateway()
    gateway.store.objects.update(reported_jobs().objects)
    gateway.clock.advance(12 * 86400)
    for days, size in ((3, 10 * 2**20), (1, 14 * 2**20)):
        when = gateway.clock.now() - timedelta(days=days)
        record = BackupRecord(finished_at=when, target="s3://safe/jobs/", objects=3, bytes=size, copied=1)
        note_backup("s3://b/base/jobs/", record, gateway.store)
    return gateway


def test_the_weekly_report_has_deadlines_throughput_backups_and_configuration() -> None:
    done = command_line(reporting(), "viewer-ann").run("checks", "weekly")
    assert done.code == 0
    assert done.out.startswith("# Weekly checks, 2030-01-13 00:00 UTC\n")
    for line in (
        "1 in the last 7 days.",
        "The jobs grow by 2 MiB a day.",
        "| jobs_days | 90 days |",
        "| backups | ok |",
        "- [ ] Look at the dashboards",
    ):
        assert line in done.out, done.out
    assert "Rehearse" not in done.out


def test_the_monthly_report_adds_trend_eta_and_the_rehearsal(tmp_path: Path) -> None:
    out = tmp_path / "report.md"
    assert command_line(reporting()).run("checks", "monthly", "--out", str(out)).out == ""
    text = out.read_text()
    assert "2 in the last 31 days." in text
    assert "| rows done | median error of the ETA |" in text
    assert "Rehearse a recovery" in text


def test_json_has_both_answers() -> None:
    document = command_line(reporting()).run("checks", "weekly", "--json").document
    assert document["period"] == "weekly"
    assert {"service", "sla"} < set(document)


def test_a_new_service_has_a_report() -> None:
    done = command_line(fake_gateway()).run("checks", "monthly")
    assert (done.code, "No job has finished." in done.out) == (0, True)
    assert "No backup of all jobs is on record" in done.out


def test_a_wrong_period_is_wrong_usage() -> None:
    assert command_line(fake_gateway()).run("checks", "yearly").code == 2
    assert command_line(fake_gateway(), "nobody").run("checks", "weekly").code == 3
