"""An ETA from totals alone: remaining input characters at the speed since the first row, as an interval.

It is honest in three ways: it says nothing (``None``) before there is evidence, cold start never enters a rate, and
rows in flight widen the interval, since nobody knows how far they are. What it does not do: model output lengths,
replica changes or the tail; ``EtaModel`` does, from the length cells that replicas report.
"""

from __future__ import annotations

from llmbatch.core.progress import EtaSeconds

_EARLY, _MIDDLE, _LATE = 1.5, 1.3, 1.2
_IN_FLIGHT_AT_LEAST, _IN_FLIGHT_LIKELY, _IN_FLIGHT_AT_MOST = 0.15, 0.5, 0.9


def estimate(ended: float, in_flight: float, total: float, work_seconds: float) -> EtaSeconds | None:
    """Estimate the seconds until all input characters are processed.

    Rows in flight count as half done for P50, as nearly done for P10 and as barely begun for P90.

    Args:
        ended: input characters of rows that ended in this generation.
        in_flight: input characters of rows in an engine now.
        total: input characters of all rows of this generation.
        work_seconds: seconds since the first row entered an engine.

    Returns:
        P10, P50, P90; None while no row has ended. 200 of 1000 characters ended and 100 in flight after 50 s: half of
        the 100 make 250 done, so P50 is 150 s.
    """
    if ended <= 0 or work_seconds <= 0 or total <= 0:
        return None
    fraction = min(1.0, (ended + _IN_FLIGHT_LIKELY * in_flight) / total)
    spread = _EARLY if fraction < 0.25 else _MIDDLE if fraction < 0.5 else _LATE
    return EtaSeconds(
        p10=_left(ended + _IN_FLIGHT_AT_MOST * in_flight, total, work_seconds) / spread,
        p50=_left(ended + _IN_FLIGHT_LIKELY * in_flight, total, work_seconds),
        p90=_left(ended + _IN_FLIGHT_AT_LEAST * in_flight, total, work_seconds) * spread,
    )


def _left(done: float, total: float, work_seconds: float) -> float:
    """Seconds left when ``done`` of ``total`` took ``work_seconds``."""
    return work_seconds * max(0.0, total - done) / done
