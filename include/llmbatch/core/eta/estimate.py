"""The answer of the ETA model."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.core.eta.spread import miss_probability
from llmbatch.core.progress import EtaSeconds, EtaState


@dataclass(frozen=True)
class Estimate:
    """Seconds until the last commit, from ``at``.

    Attributes:
        state: only ``estimated`` and ``finished`` have numbers; unknown is None, never 0 and never infinity.
        at: when, on the caller's clock.
        progress: part of the work done, 0 to 1; None before it is known.
        seconds: P10, P50, P90.
        predicted: the model's own number, before history corrected and widened it; history compares this with what
            happened.
        parts: what ``predicted`` is made of, in seconds: start, work, tail, commit.
        reason: one clause about what drives the number, or why there is none.
    """

    state: EtaState
    at: float
    reason: str
    progress: float | None = None
    seconds: EtaSeconds | None = None
    predicted: float | None = None
    parts: tuple[tuple[str, float], ...] = ()

    def miss_probability(self, seconds_left: float) -> float | None:
        """Probability that the job is not finished in ``seconds_left``; None while the ETA is unknown."""
        if self.state is EtaState.FINISHED:
            return 0.0
        if self.seconds is None:
            return None
        return miss_probability(seconds_left, self.seconds.p10, self.seconds.p50, self.seconds.p90)

    def explain(self) -> str:
        """Say in one line what drives the number."""
        if self.seconds is None:
            return f"ETA {self.state.value}: {self.reason}"
        span = f"{self.seconds.p10:.0f} to {self.seconds.p90:.0f} s"
        parts = ", ".join(f"{name} {value:.0f} s" for name, value in self.parts if value >= 0.5)
        return f"ETA {self.seconds.p50:.0f} s ({span}): {parts or 'nothing left'}; {self.reason}"
