"""What cannot be known: how far off an estimate is that knows the work left to the token, but not how the pace goes on.

It bounds what a recording can show of an estimator. A machine that is a tenth faster in the second half of a job makes
every estimate at half the rows a tenth too late.
"""

from __future__ import annotations

from eta_real.trace import RealTrace
from llmbatch.core.eta.observation import observation_of
from llmbatch.core.eta.record import MARKS, relative_error
from llmbatch.core.eta.work_done import work_done
from llmbatch.core.progress import Progress

_SHORTEST, _PART = 60.0, 1 / 3
"""The pace is that of the last third of the time worked, and of a minute at least."""


def hindsight_errors(trace: RealTrace, price: float) -> dict[float, float]:
    """Return relative errors by mark; nothing for a job whose heartbeats do not count work in flight.

    Args:
        trace: a recorded job of one generation.
        price: work of reading a character, in output tokens.
    """
    beats = [beat for beat in trace.beats if beat.flight is not None and _units(beat, price) > 0]
    if not beats or len({beat.generation for beat in beats}) > 1:
        return {}
    whole, end = _units(beats[-1], price), trace.finished_at.timestamp()
    times = [beat.written_at.timestamp() for beat in beats]
    errors: dict[float, float] = {}
    for beat, at in zip(beats, times, strict=True):
        passed = [mark for mark in MARKS if beat.rows.ended >= mark * beat.rows.total]
        since = at - max(_SHORTEST, _PART * (at - times[0]))
        first = next(n for n, time in enumerate(times) if time >= since)
        gained = _units(beat, price) - _units(beats[first], price)
        if passed and gained > 0 and at < end:
            seconds = (whole - _units(beat, price)) * (at - times[first]) / gained
            errors.setdefault(passed[-1], relative_error(seconds, end - at))
    return errors


def _units(beat: Progress, price: float) -> float:
    return work_done(observation_of(beat)).units(price)
