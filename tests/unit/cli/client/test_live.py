"""A job on a terminal and in a log."""

from __future__ import annotations

import io

from rich.console import Console

from llmbatch.cli.client.answers import Job
from llmbatch.cli.client.live import LiveJob

JOB = Job.model_validate(
    {
        "job_id": "job-1", "state": "running", "phase": "work", "model": "m", "owner": "ann", "progress_pct": 10.0,
        "created_at": "2030-01-01T00:00:00Z", "deadline": "2030-01-01T06:00:00Z", "sla_remaining_hours": 1.5,
        "eta_hours": 0.5, "eta_p10_hours": 0.25, "eta_p90_hours": 1.0, "status": "at_risk",
        "rows": {"total": 100, "succeeded": 9, "failed": 1}, "throughput": {"tokens_per_second": 41.7},
        "alerts": [{"level": "yellow", "raised_at": "2030-01-01T01:00:00Z"}],
    }
)  # fmt: skip


def shown(*steps: tuple[float, Job], terminal: bool = False) -> str:
    out = io.StringIO()
    live = LiveJob(Console(file=out, force_terminal=terminal, width=200, highlight=False, markup=False))
    for seconds, job in steps:
        live.show(job, seconds)
    live.close()
    return out.getvalue()


def test_a_line_has_rows_rate_eta_band_level_status_and_deadline() -> None:
    assert shown((3, JOB)) == (
        "     3s  work  10/100 rows  42 tok/s  ETA 30m00s (15m00s-1h00m)  "
        "yellow at_risk  due 2030-01-01 06:00 UTC (in 1h30m)\n"
    )


def test_a_terminal_shows_the_same() -> None:
    text = shown((3, JOB), terminal=True)
    for part in ("work", "10/100 rows", "42 tok/s", "ETA 30m00s (15m00s-1h00m)", "yellow at_risk", "in 1h30m"):
        assert part in text


def test_lines_are_rare_and_a_change_has_one_at_once() -> None:
    changed = JOB.model_copy(update={"phase": "tail"})
    steps = [(0.0, JOB), (2.0, JOB), (4.0, changed), (6.0, changed), (40.0, changed)]
    assert [line.split()[0] for line in shown(*steps).splitlines()] == ["0s", "4s", "40s"]


def test_what_is_unknown_is_left_out() -> None:
    bare = JOB.model_copy(update={"eta_hours": None, "alerts": (), "status": None, "paused": True})
    text = shown((0, bare))
    assert "ETA" not in text
    assert "paused  due" in text


def test_no_markup_and_no_control_character_of_a_server() -> None:
    text = shown((0, JOB.model_copy(update={"phase": "[red]\x1b[2J"})), terminal=True)
    assert "[2J" not in text.replace(r"\x1b[2J", "")
