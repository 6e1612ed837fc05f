"""The report from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.finished_jobs import BASE, finish, spec_of
from llmbatch.cli import sla_report as command
from llmbatch.cli.sla_report import main
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.history.job_report import report_sla


@pytest.fixture
def store() -> MemoryStore:
    """One job that has met its deadline."""
    store, spec = MemoryStore(), spec_of()
    finish(store, spec, seconds=3600, alerts=[])
    report_sla(spec.root_uri, store)
    return store


def test_the_command_writes_a_file_or_reports_why_not(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    out = tmp_path / "r.html"
    assert main(["--base", BASE, "--format", "html", "--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert main(["--base", "file:///x", "--out", str(out)]) == 1
    assert main(["--base", BASE, "--out", str(tmp_path / "no" / "r.html")]) == 1
    printed = capsys.readouterr()
    assert str(out) in printed.out
    assert "is not an address like s3://bucket/key" in printed.err


def test_the_newest_jobs_are_read(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = spec_of(2)
    finish(store, spec, seconds=3600, alerts=[])
    report_sla(spec.root_uri, store)
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    out = tmp_path / "r.csv"
    for jobs in (2, 1, 0):
        assert main(["--base", BASE, "--format", "csv", "--out", str(out), "--jobs", str(jobs)]) == 0
        assert len(out.read_text(encoding="utf-8").splitlines()) == 1 + max(1, jobs)
