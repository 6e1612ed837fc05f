"""What the recorded jobs say about ETAs, in the terms of ``make bench-eta``."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from eta_real.replay import Replay, replay_all
from eta_real.trace import RealTrace
from eta_sim.judging import PUBLISHED, median_error
from eta_sim.rivals import RIVALS


def real_figures(traces: Sequence[RealTrace]) -> dict[str, object]:
    """Print one line a job; return median errors by progress (in %), with and without history, and rivals'."""
    cold, warm = replay_all(traces)
    for one in warm:
        errors = " ".join(f"{100 * mark.progress:.0f}%:{100 * mark.error:+.0f}" for mark in one.ours)
        print(f"real job {one.trace.name:12s} {one.trace.order:9s} {len(one.trace.beats):4d} heartbeats  {errors}")
    return {
        "jobs": len(traces),
        "mape": _mape(warm),
        "cold_mape": _mape(cold),
        "coverage80_pct": _coverage(warm),
        "cold_coverage80_pct": _coverage(cold),
        "rivals": {
            name: {f"{100 * at:.0f}": median_error(one.errors[name][at] for one in warm if at in one.errors[name])
                   for at in PUBLISHED}
            for name in RIVALS
        },
    }  # fmt: skip


def _mape(replays: Sequence[Replay]) -> dict[str, float | None]:
    return {
        f"{100 * at:.0f}": median_error(mark.error for one in replays for mark in one.ours if mark.progress == at)
        for at in PUBLISHED
    }


def _coverage(replays: Sequence[Replay]) -> float:
    held = [mark.covered for one in replays for mark in one.ours if mark.progress in PUBLISHED]
    return round(100 * statistics.fmean(held), 1) if held else 0.0
