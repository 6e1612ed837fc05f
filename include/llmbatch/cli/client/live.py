"""A job while it runs: a bar on a terminal; elsewhere a line with each change of phase or status, and every 30 s."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from llmbatch.cli.client.answers import Job
from llmbatch.cli.client.screen import cell, hours
from llmbatch.core.shown import shown

LINE_SECONDS = 30.0


class LiveJob:
    """Shows one job again and again; close it at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._last, self._last_at = "", -LINE_SECONDS
        if console.is_terminal:
            fields = ("rate", "eta", "status")
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("[bold]{task.description}"),
                BarColumn(bar_width=20),
                TextColumn("{task.completed:.0f}/{task.fields[rows]} rows"),
                *(TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in fields),
                TimeElapsedColumn(),
                console=console,
            )
            self._task = self._bar.add_task("queued", total=None, rows="?", rate="", eta="", status="")
            self._bar.start()

    def show(self, job: Job, seconds: float) -> None:
        """Show the job as it is, ``seconds`` after the first time."""
        total, rate, eta, status = job.rows.total, rate_of(job), eta_of(job), status_of(job)
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, description=shown(job.phase), completed=job.rows.ended, total=total,
                rows="?" if total is None else total, rate=rate, eta=eta, status=status,
            )  # fmt: skip
            return
        what = f"{job.phase} {job.status}"
        if what == self._last and seconds - self._last_at < LINE_SECONDS:
            return
        self._last, self._last_at = what, seconds
        rows = f"{job.rows.ended}/{'?' if total is None else total} rows"
        parts = (f"{seconds:6.0f}s", shown(job.phase), rows, rate, eta, status)
        self._console.print("  ".join(part for part in parts if part), soft_wrap=True)

    def note(self, text: str) -> None:
        """Show one line beside the job."""
        self._console.print(shown(text), soft_wrap=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()


def rate_of(job: Job) -> str:
    """Return the tokens that a job makes in a second; empty if that is unknown."""
    rate = job.throughput.tokens_per_second
    return "" if rate is None else f"{rate:.0f} tok/s"


def eta_of(job: Job) -> str:
    """Return the time that a job still needs, with its 10 % and 90 % quantiles; empty if that is unknown."""
    if job.is_over or job.eta_hours is None:
        return ""
    band = f" ({hours(job.eta_p10_hours)}-{hours(job.eta_p90_hours)})" if job.eta_p10_hours is not None else ""
    return f"ETA {hours(job.eta_hours)}{band}"


def status_of(job: Job) -> str:
    """Return the level of the newest alert, the status, and the deadline."""
    level = job.alerts[-1].level if job.alerts else None
    words = [shown(word) for word in (level, "paused" if job.paused else None, job.status) if word]
    return f"{' '.join(words)}  due {cell(job.deadline)} (in {hours(job.sla_remaining_hours)})".lstrip()
