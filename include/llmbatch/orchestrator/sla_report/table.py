"""The report as CSV: one line for each finished job."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from llmbatch.core.eta.record import MARKS
from llmbatch.orchestrator.history.job_report import SlaReport
from llmbatch.orchestrator.sla_report.sums import first_red

Cell = str | int | float | None


def csv_of(jobs: Sequence[SlaReport]) -> str:
    """Return a header and one line for each job. An unknown value is empty; text like a formula begins with ``'``."""
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(_COLUMNS)
    for job in jobs:
        writer.writerow([_plain(cell) for cell in _cells(job)])
    return sink.getvalue()


_COLUMNS = (
    *"job_id model engine submitted_at deadline finished_at met margin_hours rows succeeded failed expired".split(),
    *"own_rows output_tokens work_seconds rows_per_second tokens_per_second".split(),
    *(f"eta_error_{100 * mark:.0f}_pct" for mark in MARKS),
    *"eta_bias_pct eta_coverage80_pct first_red_at alerts reactions replica_hours gpu_hours usd".split(),
    "usd_per_million_tokens",
)


def _cells(job: SlaReport) -> list[Cell]:
    eta, cost, red, rows = job.eta, job.cost, first_red(job), job.rows
    errors = {mark.progress: round(100 * mark.error, 2) for mark in eta.marks} if eta else {}
    return [
        job.job_id,
        job.model,
        job.engine,
        job.submitted_at.isoformat() if job.submitted_at else None,
        job.deadline.isoformat(),
        job.finished_at.isoformat(),
        "true" if job.met else "false",
        round(job.margin_seconds / 3600, 4),
        *(rows.input, rows.succeeded, rows.failed, rows.expired, job.own_rows, job.tokens.completion),
        *(job.work_seconds, job.rows_per_second, job.tokens_per_second),
        *(errors.get(mark) for mark in MARKS),
        *((eta.bias_pct, eta.coverage_pct) if eta else (None, None)),
        red.isoformat() if red else None,
        " ".join(f"{alert.level.value}-{alert.number}" for alert in job.alerts),
        len(job.reactions),
        *((cost.replica_hours, cost.gpu_hours, cost.usd, cost.usd_per_million_tokens) if cost else (None,) * 4),
    ]


def _plain(cell: Cell) -> Cell:
    """Prevent a spreadsheet from reading text as a formula; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else cell
