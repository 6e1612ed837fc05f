"""When a job has stopped reporting or stopped working: then it has no ETA."""

from __future__ import annotations

from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.phases import BEFORE_WORK
from llmbatch.core.staleness import STALLED_SECONDS

_SHORTEST, _P95S, _FIRST_ROW = 300.0, 5.0, 1800.0


class StallWatch:
    """Remembers when the job last moved.

    Movement is a row that ends, a token of a row that has no answer yet, a generation that begins work, or a pause.
    """

    def __init__(self) -> None:
        self._mark: tuple[int, bool, int, int | None] | None = None
        self._moved_at = 0.0

    def see(self, observation: Observation) -> None:
        """Take a heartbeat."""
        begun = observation.phase not in BEFORE_WORK
        mark = (observation.generation, begun, observation.ended, observation.generated)
        if mark != self._mark or observation.paused:
            self._mark, self._moved_at = mark, observation.at

    def reason(self, last: Observation, now: float) -> str | None:
        """Return why the job counts as stalled at ``now``, or None."""
        silent = now - last.at
        if silent > STALLED_SECONDS:
            return f"no heartbeat for {silent:.0f} s"
        if last.phase in BEFORE_WORK:
            return None
        limit = _FIRST_ROW if last.row_p95 is None else max(_SHORTEST, _P95S * last.row_p95)
        still = now - self._moved_at
        what = "no row has ended" if last.generated is None else "no row has ended and no token was written"
        return f"{what} for {still:.0f} s (limit {limit:.0f} s)" if still > limit else None
