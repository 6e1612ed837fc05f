"""What a person sees of a running job."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from rich.console import Console

from llmbatch.core.progress import EtaSeconds, Progress, Rates, RowCounts, ShardCounts
from llmbatch.core.states import Phase
from llmbatch_stack.demo.view import LiveView, show_samples

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def progress(phase: Phase, running: int = 0, ended: int = 0, **changes: object) -> Progress:
    base = {
        "job_id": "job-1", "generation": 1, "sequence": 3, "phase": phase, "written_at": NOW, "started_at": NOW,
        "rows": RowCounts(total=320, succeeded=ended, running=running), "shards": ShardCounts(total=4),
    }  # fmt: skip
    return Progress.model_validate(base | changes)


LIVE = Rates(rows_per_second=0.0, output_tokens_per_second=0.0, recent_output_tokens_per_second=41.6)
ETA = EtaSeconds(p10=30, p50=75, p90=190)


def shown(*steps: tuple[float, str, Progress | None], terminal: bool = False, width: int = 160) -> str:
    out = io.StringIO()
    view = LiveView(Console(file=out, force_terminal=terminal, width=width, highlight=False))
    for seconds, phase, beat in steps:
        view.show(phase, beat, seconds)
    view.close()
    return out.getvalue()


def test_before_the_first_row_a_line_says_for_how_long_the_phase_has_lasted() -> None:
    loading = progress(Phase.MODEL_LOAD)
    text = shown((0, "queued", None), (10, "model_load", loading), (52, "model_load", loading))
    assert [line.split() for line in text.splitlines()] == [
        ["0s", "queued", "0s", "0/0", "rows", "ETA", "unknown"],
        ["10s", "model_load", "0s", "0/320", "rows", "ETA", "unknown"],
        ["52s", "model_load", "42s", "0/320", "rows", "ETA", "unknown"],
    ]


def test_a_line_shows_what_the_engine_does_before_a_row_has_ended() -> None:
    first, later = progress(Phase.WORK, 256), progress(Phase.WORK, 256, rates=LIVE, eta=ETA)
    text = shown((60, "work", first), (70, "work", later))
    assert "work              0/320 rows  256 running, 64 waiting  ? tok/s  ETA unknown" in text
    assert "work              0/320 rows  256 running, 64 waiting  42 tok/s  ETA 1m15s (30s-3m10s)" in text


def test_a_line_is_one_line_however_narrow_a_log_is() -> None:
    assert len(shown((70, "work", progress(Phase.WORK, 256, rates=LIVE, eta=ETA)), width=40).splitlines()) == 1


def test_lines_are_rare() -> None:
    assert len(shown(*((n, "work", None) for n in range(20))).splitlines()) == 4


def test_a_new_phase_and_a_first_eta_have_a_line_at_once() -> None:
    without_eta, with_eta = progress(Phase.WORK, 256, rates=LIVE), progress(Phase.WORK, 256, rates=LIVE, eta=ETA)
    steps = [
        (60, "model_load", None),
        (61, "work", without_eta),
        (62, "work", without_eta),
        (63, "work", with_eta),
        (64, "work", with_eta),
    ]
    assert [line.split()[0] for line in shown(*steps).splitlines()] == ["60s", "61s", "63s"]


def test_a_terminal_shows_the_same() -> None:
    text = shown((70, "work", progress(Phase.WORK, 256, 8, rates=LIVE, eta=ETA)), terminal=True)
    for part in ("work", "8/320 rows", "256 running, 56 waiting", "42 tok/s", "1m15s (30s-3m10s)"):
        assert part in text
    assert "model_load 5s" in shown((1, "model_load", None), (6, "model_load", None), terminal=True)


def test_samples_show_no_markup_and_no_control_character() -> None:
    out = io.StringIO()
    samples = [("[red]id\x1b[2J", "q\nq", "answer \x1b]0;title\x07\u202e")]
    show_samples(Console(file=out, width=160), samples)
    assert out.getvalue().splitlines() == [
        "",
        r"[red]id\x1b[2J",
        "  Q: q q",
        r"  A: answer \x1b]0;title\x07\u202e",
    ]
