"""A first ETA: remaining input characters at the speed since the first row, with a wide interval.

It is honest in two ways: it says nothing (``None``) before there is evidence, and cold start never enters a rate. The
interval narrows as work is done. What it does not do: model output lengths, replica changes or the tail.
"""

from __future__ import annotations

from llmbatch.core.progress import EtaSeconds

_WIDE, _MIDDLE, _NARROW = 2.5, 1.5, 1.3


def estimate(done_chars: int, total_chars: int, work_seconds: float) -> EtaSeconds | None:
    """Estimate the seconds until all input characters are processed.

    Args:
        done_chars: input characters of rows that ended in this generation.
        total_chars: input characters of all rows of this generation.
        work_seconds: seconds since the first row entered an engine.

    Returns:
        P10, P50, P90; None while nothing has ended. 250 of 1000 characters in 50 s give a P50 of 150 s.
    """
    if done_chars <= 0 or work_seconds <= 0 or total_chars <= 0:
        return None
    fraction = min(1.0, done_chars / total_chars)
    left = work_seconds * (1.0 - fraction) / fraction
    spread = _WIDE if fraction < 0.25 else _MIDDLE if fraction < 0.5 else _NARROW
    return EtaSeconds(p10=left / spread, p50=left, p90=left * spread)
