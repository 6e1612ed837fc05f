"""What the recorded jobs say about ETAs, in the terms of ``make bench-eta``."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise

from eta_real.hindsight import hindsight_errors
from eta_real.replay import Replay, replay_all
from eta_real.trace import RealTrace
from eta_sim.judging import PUBLISHED, median_error
from eta_sim.rivals import RIVALS
from llmbatch.core.eta.priors import Priors


def real_figures(traces: Sequence[RealTrace]) -> dict[str, object]:
    """Print one line a job; return median errors by progress (in %), with and without history, and rivals'."""
    cold, warm = replay_all(traces)
    for one in warm:
        errors = " ".join(f"{100 * mark.progress:.0f}%:{100 * mark.error:+.0f}" for mark in one.ours)
        print(f"real job {one.trace.name:12s} {one.trace.order:9s} {len(one.trace.beats):4d} heartbeats  {errors}")
    return {
        "jobs": len(traces),
        "mape": _mape(warm),
        "mape_sorted": _mape([one for one in warm if one.trace.order == "sorted"]),
        "mape_shuffled": _mape([one for one in warm if one.trace.order == "shuffled"]),
        "cold_mape": _mape(cold),
        "coverage80_pct": _coverage(warm),
        "cold_coverage80_pct": _coverage(cold),
        "labels": _labels([one for one in warm if one.trace.template == "labels"]),
        "pace_change_pct": median_error(change for one in traces if (change := pace_change(one)) is not None),
        "rivals": {name: _by_mark([one.errors[name] for one in warm]) for name in RIVALS},
    }


def pace_change(trace: RealTrace) -> float | None:
    """Return how much faster rows got their tokens in the second half of the rows than in the first.

    In tokens per second of a row in the engine; 0.1 is 10 % faster. It mixes what the machine did with what prompts
    cost to read, so it hints at how steady the job was and is not a bound for an estimator. None if the last generation
    saw less than both halves.
    """
    last = trace.beats[-1].generation
    beats = [beat for beat in trace.beats if beat.generation == last and any(cell.answered for cell in beat.lengths)]
    parts = [next((n for n, beat in enumerate(beats) if beat.rows.ended >= part * beat.rows.total), 0)
             for part in (0.0, 0.5, 0.95)]  # fmt: skip
    if not parts[0] < parts[1] < parts[2]:
        return None
    sums = [(sum(c.tokens for c in beats[n].lengths), sum(c.answered_seconds for c in beats[n].lengths)) for n in parts]
    first, second = ((after[0] - before[0]) / (after[1] - before[1]) for before, after in pairwise(sums))
    return second / first - 1


def _labels(replays: Sequence[Replay]) -> dict[str, object]:
    """Return the figures of the jobs of labels, beside those of an estimate that knows the work left."""
    return {
        "jobs": len(replays),
        "mape": _mape(replays),
        "coverage80_pct": _coverage(replays),
        "work_known": _by_mark([hindsight_errors(one.trace, one.finished.price or Priors().price) for one in replays]),
    }


def _mape(replays: Sequence[Replay]) -> dict[str, float | None]:
    return _by_mark([{mark.progress: mark.error for mark in one.ours} for one in replays])


def _by_mark(jobs: Sequence[Mapping[float, float]]) -> dict[str, float | None]:
    """Return the median of the jobs' errors at each published mark, in percent."""
    return {f"{100 * at:.0f}": median_error(errors[at] for errors in jobs if at in errors) for at in PUBLISHED}


def _coverage(replays: Sequence[Replay]) -> float:
    held = [mark.covered for one in replays for mark in one.ours if mark.progress in PUBLISHED]
    return round(100 * statistics.fmean(held), 1) if held else 0.0
