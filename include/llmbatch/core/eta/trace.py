"""The estimates that one generation made, kept to be scored against what happened."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.eta.engine_fit import JobEffort

MOST_POINTS = 240
"""Points kept; when there are more, every other one goes, so that the whole job stays covered."""


class TracePoint(BaseModel):
    """One estimate. ``seconds`` are P10, P50, P90 from ``at``; null while the ETA was unknown.

    ``rows`` and ``work`` are the parts done, 0 to 1; ``predicted`` is the model's number before history corrected it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: AwareDatetime
    rows: float
    work: float | None = None
    seconds: tuple[float, float, float] | None = None
    predicted: float | None = None
    replicas: int = 0


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
