"""What cannot be known: how far off an estimate is that knows the work left to the token, but not how the pace goes on.

It bounds what a recording can show of an estimator. A machine that is a tenth faster in the second half of a job makes
every estimate at half the rows a tenth too late.
"""

from __future__ import annotations

from eta_real.trace import RealTrace
from llmbatch.core.eta.observation import observation_of
from llmbatch.core.eta.record import MARKS, relative_error
from llmbatch.core.eta.work_done import work_done

_SHORTEST, _PART = 60.0, 1 / 3
"""The pace is that of the last third of the time worked, and of a minute at least."""


def hindsight_errors(trace: RealTrace, price: float) -> dict[float, float]:
    """Return relative errors by mark; nothing for a job whose heartbeats do not count work in flight.

    Args:
        trace: a recorded job of one generation.
        price: work of reading a character, in output tokens.
    """
    beats = [beat for beat in trace.beats if beat.flight is not None]
    units = [work_done(observation_of(beat)).units(price) for beat in beats]
    seen = [(b.written_at.timestamp(), done, b.rows) for b, done in zip(beats, units, strict=True) if done > 0]
    if not seen or len({beat.generation for beat in beats}) > 1:
        return {}
    began, end, whole = seen[0][0], trace.finished_at.timestamp(), units[-1]
    errors: dict[float, float] = {}
    for at, done, rows in seen:
        since = at - max(_SHORTEST, _PART * (at - began))
        then, before, _ = next(each for each in seen if each[0] >= since)
        passed = [mark for mark in MARKS if rows.ended >= mark * rows.total]
        if passed and done > before and at < end:
            seconds = (whole - done) * (at - then) / (done - before)
            errors.setdefault(passed[-1], relative_error(seconds, end - at))
    return errors
