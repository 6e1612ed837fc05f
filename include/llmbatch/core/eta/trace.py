"""The estimates that one generation made, kept to be scored against what happened."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.eta.engine_fit import JobEffort
from llmbatch.core.progress import Progress

MOST_POINTS = 240
"""Points kept; when there are more, every other one goes, so that the whole job stays covered."""

LONGEST_REASON = 200
"""Characters of a reason that are kept."""


class TracePoint(BaseModel):
    """One estimate. ``seconds`` are P10, P50, P90 from ``at``; null while the ETA was unknown.

    ``rows`` and ``work`` are the parts done, 0 to 1; ``predicted`` is the model's number before history corrected it.
    What follows ``replicas`` is for a reader who asks why: points of earlier releases lack it.

    Attributes:
        reason: the heartbeat's ``eta_reason`` without the numbers of ``seconds``, cut at ``LONGEST_REASON`` characters.
        output_tokens_per_second: what engines wrote then, see ``Rates.live``; null if unknown or the work was over.
        latency_p95: seconds from a row's admission to its answer, of this generation's rows so far; null before one.
        failed: rows of all generations that had failed; null: not recorded.
        running: rows in engines; null: not recorded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: AwareDatetime
    rows: float
    work: float | None = None
    seconds: tuple[float, float, float] | None = None
    predicted: float | None = None
    replicas: int = 0
    reason: str = ""
    output_tokens_per_second: float | None = None
    latency_p95: float | None = None
    failed: int | None = None
    running: int | None = None

    @classmethod
    def of(cls, progress: Progress, predicted: float | None = None) -> TracePoint:
        """Return the point of a heartbeat.

        Args:
            progress: a heartbeat with its estimate.
            predicted: seconds until the end before history corrected them.
        """
        eta, tokens, p95 = progress.eta, progress.rates.live, progress.latency.p95
        return cls(
            at=progress.written_at,
            rows=progress.rows.ended / progress.rows.total if progress.rows.total else 0.0,
            work=progress.work_progress,
            seconds=None if eta is None else (eta.p10, eta.p50, eta.p90),
            predicted=None if predicted is None else round(predicted, 2),
            replicas=progress.replicas.live,
            reason=_without_numbers(progress.eta_reason)[:LONGEST_REASON],
            output_tokens_per_second=None if tokens is None or progress.phase.is_terminal else round(tokens, 2),
            latency_p95=None if p95 is None else round(p95, 3),
            failed=progress.rows.failed,
            running=progress.rows.running,
        )


class EstimateTrace(BaseModel):
    """``eta/traces/g<n>.json``: written by the generation's heartbeat every half minute and at its end.

    ``rate`` (work units per second of one replica), ``price``, the answers' line with their spread and the share of
    long ones, ``fixed_share`` and ``effort`` are what the model had learned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    job_id: str
    generation: int
    points: tuple[TracePoint, ...] = ()
    rate: float | None = None
    price: float | None = None
    level: float | None = None
    slope: float | None = None
    spread: float | None = None
    long: float | None = None
    fixed_share: float | None = None
    effort: JobEffort | None = None
    seconds_phase: dict[str, float] = {}


def _without_numbers(reason: str) -> str:
    """Return ``work 9 s; 2 replicas`` of ``ETA 9 s (8 to 11 s): work 9 s; 2 replicas``: see ``Estimate.explain``."""
    head, colon, rest = reason.partition(": ")
    return rest if colon and head.startswith("ETA ") else reason
