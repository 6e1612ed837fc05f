"""What the demo shows: a live bar while the job runs, and a table at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from llmbatch.core.durations import span
from llmbatch.core.manifest import JobManifest
from llmbatch.core.progress import Progress as JobProgress
from llmbatch.core.shown import shown

PLAIN_LINE_SECONDS = 5.0


class LiveView:
    """A progress bar on a terminal; on anything else, one line every few seconds and with every new phase or ETA."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._last_line = -PLAIN_LINE_SECONDS
        self._phase, self._since, self._has_eta = "", 0.0, False
        if console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("[bold]{task.description}"),
                BarColumn(bar_width=20),
                TextColumn("{task.completed:.0f}/{task.total:.0f} rows"),
                TextColumn("{task.fields[engine]}"),
                TextColumn("ETA {task.fields[eta]}"),
                TimeElapsedColumn(),
                console=console,
            )
            self._task = self._bar.add_task("queued", total=0, engine="", eta="unknown")
            self._bar.start()

    def show(self, phase: str, progress: JobProgress | None, seconds: float) -> None:
        """Show the job as it is, ``seconds`` after its start.

        While rows are in an engine, that is what the engine does; before and after, for how long the phase has lasted.
        """
        has_eta = progress is not None and progress.eta is not None
        is_new = phase != self._phase or (has_eta and not self._has_eta)
        if phase != self._phase:
            self._phase, self._since = phase, seconds
        self._has_eta = has_eta
        ended, total = (progress.rows.ended, progress.rows.total) if progress else (0, 0)
        engine = _engine(progress)
        what = phase if engine else f"{phase} {span(seconds - self._since)}"
        eta = _eta(progress)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=what, completed=ended, total=total, engine=engine, eta=eta)
        elif is_new or seconds - self._last_line >= PLAIN_LINE_SECONDS:
            self._last_line = seconds
            details = "".join(f"  {part}" for part in (f"{ended}/{total} rows", engine, f"ETA {eta}") if part)
            self._console.print(f"{seconds:6.0f}s  {what:<16}{details}", highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()


def _engine(progress: JobProgress | None) -> str:
    """Return what the engines do; empty while they hold no row."""
    if progress is None or not progress.rows.running:
        return ""
    rate = "? tok/s" if progress.rates.live is None else f"{progress.rates.live:.0f} tok/s"
    return f"{progress.rows.running} running, {progress.rows.waiting} waiting  {rate}"


def _eta(progress: JobProgress | None) -> str:
    if progress is None or progress.eta is None:
        return "unknown"
    return f"{span(progress.eta.p50)} ({span(progress.eta.p10)}-{span(progress.eta.p90)})"


def show_summary(console: Console, manifest: JobManifest, seconds_total: float) -> None:
    """Print the table of what happened."""
    work = manifest.timing.get("work", 0.0) + manifest.timing.get("tail", 0.0)
    table = Table(
        title=Text(f"{manifest.job_id}  {shown(manifest.model.name)}"), show_header=False, title_justify="left"
    )
    table.add_row("rows", f"{manifest.rows.input}")
    table.add_row("succeeded / failed", f"{manifest.rows.succeeded} / {manifest.rows.failed}")
    table.add_row("missing / doubled", f"{manifest.missing} / {manifest.duplicates}  (proved by id against the input)")
    table.add_row("tokens in / out", f"{manifest.tokens.prompt} / {manifest.tokens.completion}")
    if work:
        rate = f"{manifest.rows.input / work:.2f} rows/s, {manifest.tokens.completion / work:.0f} output tokens/s"
        table.add_row("throughput", f"{rate} (engine work)")
    for phase, seconds in manifest.timing.items():
        table.add_row(f"  {phase}", f"{seconds:.1f} s")
    table.add_row("total", f"{seconds_total:.1f} s from trigger to manifest")
    table.add_row(
        "SLA", f"{'met' if manifest.sla.met else 'MISSED'} (deadline {manifest.sla.deadline:%Y-%m-%d %H:%M} UTC)"
    )
    console.print(table)


def show_samples(console: Console, samples: Sequence[tuple[str, str, str]]) -> None:
    """Print ``(id, question, answer)`` triples, shortened."""
    for name, question, answer in samples:
        console.print(f"\n{shown(name)}", style="bold", highlight=False, markup=False)
        console.print(f"  Q: {_short(question)}", style="dim", highlight=False, markup=False)
        console.print(f"  A: {_short(answer)}", highlight=False, markup=False)


def show_result(result: Mapping[str, object]) -> None:
    """Print the machine-readable last line."""
    sys.stdout.write(f"RESULT {json.dumps(result)}\n")
    sys.stdout.flush()


def _short(text: str, length: int = 300) -> str:
    line = shown(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1] + "…"
