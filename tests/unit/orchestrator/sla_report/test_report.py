"""The report in each format."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.finished_jobs import BASE
from fakes.reported_jobs import LATER, figures, reported_jobs
from llmbatch.cli import sla_report as command
from llmbatch.cli.sla_report import main
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.report import render


@pytest.fixture
def store() -> MemoryStore:
    return reported_jobs()


def test_json_is_the_figures(store: MemoryStore) -> None:
    text = render(BASE, store, ManualClock(LATER), format="json")
    assert Figures.model_validate_json(text) == figures(store)


def test_the_command_writes_a_file_or_says_why_not(
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
