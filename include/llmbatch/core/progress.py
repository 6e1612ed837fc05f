"""The heartbeat of a running job: ``progress.json``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.durations import span
from llmbatch.core.length_cells import LengthCell
from llmbatch.core.states import ErrorClass, Phase


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RowCounts(_Part):
    """Rows by state; ``running`` are in an engine now. Counts of all generations, committed or not yet."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0
    expired: int = 0
    cancelled: int = 0
    running: int = 0

    @property
    def ended(self) -> int:
        """Rows that have an outcome."""
        return self.succeeded + self.failed + self.expired + self.cancelled

    @property
    def waiting(self) -> int:
        """Rows without an outcome that are in no engine."""
        return max(0, self.total - self.ended - self.running)


class ShardCounts(_Part):
    """Shards staged and committed."""

    total: int = 0
    committed: int = 0


class TokenCounts(_Part):
    """Tokens of answered rows that the engine has read, written, and found in its prefix cache.

    ``generated`` counts what this generation's engines have written, also of rows that have no answer yet or
    get none; it falls only when they are counted again. Null: the engine does not report it.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    generated: int | None = None


class Rates(_Part):
    """Of rows with an outcome, since the first row entered an engine; null before.

    ``recent_output_tokens_per_second`` is what engines write now: over the last half minute, rows without an answer
    included. Null before two heartbeats with rows in engines, after the end of the job, and if the engine reports none.
    """

    rows_per_second: float | None = None
    output_tokens_per_second: float | None = None
    recent_output_tokens_per_second: float | None = None

    @property
    def live(self) -> float | None:
        """Output tokens a second for a view of a running job: the recent rate, in its place that of answered rows.

        None rather than 0 before an answer, where only these are known.
        """
        recent = self.recent_output_tokens_per_second
        return (self.output_tokens_per_second or None) if recent is None else recent


class Latency(_Part):
    """Seconds from a row's admission to its answer; null before the first answer."""

    p50: float | None = None
    p95: float | None = None


class Replicas(_Part):
    """Engines that answer, and engines that are requested."""

    live: int = 0
    wanted: int = 0
    lost: int = 0
    """Engines that died in this generation."""


class EngineUse(_Part):
    """What engines report with ``engine.statistics``: since the start of this generation, except ``kv_cache``."""

    kv_cache: float | None = None
    """Part of the KV cache in use, 0 to 1, of the fullest engine now."""
    preemptions: int = 0
    """Rows that were put back for lack of KV cache."""
    prefix_queries: int = 0
    """Prompt tokens that were looked up in the prefix cache."""
    prefix_hits: int = 0
    """Prompt tokens that were found there."""


class StoreUse(_Part):
    """Requests of this generation to the store, by the driver and all its replicas, lost ones included."""

    requests: int = 0
    errors: int = 0
    """Those that failed after all retries; a missing object and a lost race are answers."""
    seconds: float = 0.0
    """Sum of their times until the answer begins, retries included."""

    @classmethod
    def total(cls, parts: Iterable[StoreUse | None]) -> StoreUse | None:
        """Return the sum of the parts that are known; None if there are none."""
        known = [part for part in parts if part is not None]
        if not known:
            return None
        return cls(
            requests=sum(part.requests for part in known),
            errors=sum(part.errors for part in known),
            seconds=sum(part.seconds for part in known),
        )


class ReplicaShare(_Part):
    """What one live replica holds: rows of its open shards without an outcome, and the pace of its rows.

    ``pace`` is in output tokens per second of one row, ``reading`` in input characters, over the rows that it answered
    lately. Both are null before it has answered as many as it decodes together, because the first rows of an
    engine measure its start.
    """

    left: int = 0
    pace: float | None = None
    reading: float | None = None


class Flight(_Part):
    """Work of rows in engines that have no answer yet: tokens written, and characters of the prompts that are read."""

    tokens: int = 0
    chars: int = 0


class EtaState(StrEnum):
    """Whether there is an estimate, and if not, why."""

    UNKNOWN = "unknown"
    ESTIMATED = "estimated"
    STALLED = "stalled"
    FINISHED = "finished"


class EtaSeconds(_Part):
    """Seconds from ``written_at`` until the last commit: 10, 50 and 90 % quantiles."""

    p10: float
    p50: float
    p90: float

    def aged(self, seconds: float) -> EtaSeconds:
        """Return the ETA as it counts ``seconds`` later; no quantile is below 0."""
        return EtaSeconds(
            p10=max(0.0, self.p10 - seconds), p50=max(0.0, self.p50 - seconds), p90=max(0.0, self.p90 - seconds)
        )


class Progress(_Part):
    """One heartbeat. ``eta`` is null while it is unknown: never zero or infinite. ``versions`` are of its writer."""

    model_config = ConfigDict(protected_namespaces=())

    schema_version: int = 1
    job_id: str
    generation: int
    sequence: int
    phase: Phase
    written_at: AwareDatetime
    started_at: AwareDatetime
    rows: RowCounts
    shards: ShardCounts
    tokens: TokenCounts = TokenCounts()
    rates: Rates = Rates()
    latency: Latency = Latency()
    peak_memory_mb: int | None = None
    """Most host memory of one replica's processes, in MiB, of this generation; null: not reported."""
    replicas: Replicas = Replicas()
    rows_redone: int = 0
    """Rows of this generation that ran again because their replica died before the commit, as it last reported."""
    running_shards: tuple[str, ...] = ()
    redone_shards: tuple[str, ...] = ()
    """Open shards of which a row has begun, and the shards of ``rows_redone``: some of them, if there are many."""
    dead_letters: dict[ErrorClass, int] = {}
    """Failed rows by error class, committed or not yet."""
    engine: EngineUse | None = None
    """Null without ``engine.statistics``."""
    store: StoreUse | None = None
    """Null: this writer does not report it."""
    shares: tuple[ReplicaShare, ...] = ()
    """Open work of each live replica, for the ETA; empty: this writer does not report it."""
    flight: Flight | None = None
    """Work of rows in flight, for the first ETA; null: this writer or its engine does not report it."""
    lengths: tuple[LengthCell, ...] = ()
    """Rows of this generation by input length, for the ETA; empty: this writer does not report it."""
    eta: EtaSeconds | None = None
    eta_state: EtaState = EtaState.UNKNOWN
    eta_reason: str = ""
    """One clause: what the ETA depends on most, or why there is none."""
    work_progress: float | None = None
    """Part of the work done, 0 to 1: longer rows weigh more. Null before it is known."""
    seconds_phase: dict[str, float] = {}
    paused: bool = False
    """Whether the job is paused on request; it then has no ETA."""
    shards_digest: str = ""
    model_digest: str | None = None
    versions: dict[str, str] = {}
    message: str = ""
    exit_code: int | None = None

    @property
    def percent(self) -> float:
        """Rows with an outcome, in percent of all."""
        return 100.0 * self.rows.ended / self.rows.total if self.rows.total else 0.0

    def age(self, now: datetime) -> float:
        """Return the seconds since it was written, for a time of the clock of ``written_at``. See ``heartbeat``."""
        return (now - self.written_at).total_seconds()

    def line(self) -> str:
        """Return one line for a log: phase, rows, rates, ETA. Unknown numbers are shown as ``?``."""
        rate = f"{self.rates.rows_per_second:.2f}" if self.rates.rows_per_second is not None else "?"
        tokens = f"{self.rates.live:.0f}" if self.rates.live is not None else "?"
        eta = self.eta_state.value if self.eta_state is EtaState.STALLED else "unknown"
        if self.eta is not None:
            eta = f"{span(self.eta.p50)} (p10 {span(self.eta.p10)}, p90 {span(self.eta.p90)})"
        return (
            f"job={self.job_id} generation={self.generation} phase={self.phase.value} "
            f"rows={self.rows.ended}/{self.rows.total} ({self.percent:.1f}%) failed={self.rows.failed} "
            f"running={self.rows.running} waiting={self.rows.waiting} "
            f"shards={self.shards.committed}/{self.shards.total} rows_per_s={rate} output_tokens_per_s={tokens} "
            f"replicas={self.replicas.live}/{self.replicas.wanted} eta={eta}"
        )
