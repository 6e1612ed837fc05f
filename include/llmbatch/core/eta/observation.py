"""What the ETA model sees: one heartbeat, reduced to what predicts."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.core.length_cells import LengthCell
from llmbatch.core.progress import Flight, Progress, ReplicaShare
from llmbatch.core.states import Phase


@dataclass(frozen=True)
class Observation:
    """One heartbeat. ``at`` is in seconds on the clock that estimates are requested with."""

    at: float
    generation: int
    phase: Phase
    phase_seconds: float
    cells: tuple[LengthCell, ...]
    live: int
    row_p95: float | None = None
    shares: tuple[ReplicaShare, ...] = ()
    wanted: int = 0
    """Replicas to come, which count as long as none is live."""

    paused: bool = False
    flight: Flight | None = None
    """Work of rows without an answer; None: not in the heartbeat."""
    generated: int | None = None
    """Output tokens of this generation, rows in flight included; None: not in the heartbeat."""

    @property
    def rows(self) -> int:
        """Rows of this generation."""
        return sum(cell.rows for cell in self.cells)

    @property
    def ended(self) -> int:
        """Rows with an outcome."""
        return sum(cell.ended for cell in self.cells)

    @property
    def answered(self) -> int:
        """Rows with an answer."""
        return sum(cell.answered for cell in self.cells)

    @property
    def writes(self) -> bool:
        """Whether any row may have output tokens; an engine that embeds or scores only reads."""
        return any(cell.limit for cell in self.cells)

    @property
    def running(self) -> int:
        """Rows in engines."""
        return sum(cell.running for cell in self.cells)


def observation_of(progress: Progress) -> Observation:
    """Return what the model uses of a heartbeat; ``at`` is its ``written_at`` in seconds of the epoch."""
    return Observation(
        at=progress.written_at.timestamp(),
        generation=progress.generation,
        phase=progress.phase,
        phase_seconds=progress.seconds_phase.get(progress.phase.value, 0.0),
        cells=progress.lengths,
        live=progress.replicas.live,
        row_p95=progress.latency.p95,
        shares=progress.shares,
        wanted=progress.replicas.wanted,
        paused=progress.paused,
        flight=progress.flight,
        generated=progress.tokens.generated,
    )
