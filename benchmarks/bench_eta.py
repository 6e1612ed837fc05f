"""How right are ETAs? Simulated jobs, the estimators that others show, and ours.

A deployment has a few engines, each with a speed, batch behaviour and cost of reading that no estimator knows. Jobs
of some families of lengths run on them one after the other and make the history. Reported are jobs of other families,
with other seeds, on the same engines: with that history (the engine is known, the kind of answers is not), and cold,
with none. Progress is the part of rows ended, as a user sees it; errors are of the remaining seconds.

    PYTHONPATH=include:benchmarks python benchmarks/bench_eta.py --rounds 12
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from functools import partial

from eta_real.figures import real_figures
from eta_real.trace import load
from eta_sim.job import SimJob, Trace
from eta_sim.judging import PUBLISHED, RULES, Verdict, judge, median_error
from eta_sim.rivals import RIVALS
from eta_sim.scenario import LARGE, SMALL, Sizes, fleet, scenarios
from llmbatch.core.eta.history import History
from llmbatch.core.eta.priors import Priors
from llmbatch.core.eta.record import MARKS
from llmbatch.core.eta.spread import Spread

CALIBRATION_FAMILIES = ("lognormal", "gamma", "pareto", "classification", "reading")
REPORTED_FAMILIES = ("bimodal", "zipf", "prompts", "recorded", "verdicts", "passages")
CALIBRATION_SEED, REPORTED_SEED = 1_000, 90_000
FLEET_SEED, FLEET_SIZE = 80, 6


def traces(
    first_seed: int, rounds: int, families: tuple[str, ...], fleet_seed: int = FLEET_SEED, sizes: Sizes = LARGE
) -> list[Trace]:
    engines = fleet(fleet_seed, FLEET_SIZE, sizes)
    return [SimJob(job).run() for job in scenarios(first_seed, rounds, families, engines, sizes)]


def learn(seen: Sequence[Trace]) -> History:
    """Run jobs one after the other, each with the beliefs that those before it left."""
    history = History()
    for trace in seen:
        history = history.with_job(judged(trace, history).finished)
    return history


def with_history(history: History, seen: Sequence[Trace]) -> list[Verdict]:
    return [judged(trace, history) for trace in seen]


def judged(trace: Trace, history: History) -> Verdict:
    job = trace.scenario
    return judge(trace, history.priors_for(job.engine), history.spread_for(job.engine, job.task))


def mape(verdicts: Sequence[Verdict], name: str) -> dict[str, float | None]:
    return {f"{100 * mark:.0f}": median_error(errors_of(verdicts, name, mark)) for mark in PUBLISHED}


def errors_of(verdicts: Sequence[Verdict], name: str, mark: float) -> list[float]:
    if name == "ours":
        return [each.error for v in verdicts for each in v.ours if each.progress == mark]
    return [v.errors[name][mark] for v in verdicts if mark in v.errors[name]]


def table(title: str, verdicts: Sequence[Verdict], groups: dict[str, Callable[[Verdict], bool]]) -> None:
    """Print median |error| and median error (bias) of every estimator by group and progress."""
    print(f"\n{title}: median |error| (median error) of the remaining seconds, in %; positive is too late")
    print(f"{'jobs':14s} {'':18s}" + "".join(f"{100 * mark:>14.0f} %" for mark in MARKS))
    for group, belongs in groups.items():
        chosen = [v for v in verdicts if belongs(v)]
        for name in (*RIVALS, "ours"):
            cells = []
            for mark in MARKS:
                errors = errors_of(chosen, name, mark)
                text = f"{median_error(errors):.0f} ({100 * statistics.median(errors):+.0f})" if errors else "-"
                cells.append(f"{text:>16s}")
            print(f"{f'{group} ({len(chosen)})':20s} {name:18s}" + "".join(cells))


def names_of(verdicts: Sequence[Verdict], field: str) -> list[str]:
    return sorted({str(getattr(v.trace.scenario, field)) for v in verdicts})


def _is(field: str, name: str, verdict: Verdict) -> bool:
    return bool(getattr(verdict.trace.scenario, field) == name)


def coverage(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Part of P10-P90 intervals that held the truth, in percent, by mark and over all published marks."""
    found = {}
    for mark in PUBLISHED:
        held = [each.covered for v in verdicts for each in v.ours if each.progress == mark]
        found[f"{100 * mark:.0f}"] = round(100 * statistics.fmean(held), 1) if held else 0.0
    held = [each.covered for v in verdicts for each in v.ours if each.progress in PUBLISHED]
    return {**found, "all": round(100 * statistics.fmean(held), 1)}


def alerts(verdicts: Sequence[Verdict], level: str = "red") -> dict[str, float | None]:
    """Precision, recall (an alert before the deadline) and median lead in percent of the window, of true alerts."""
    red = [v for v in verdicts if v.alerts[level] is not None]
    missed = [v for v in verdicts if v.missed]
    true = [v for v in red if v.missed]
    leads = [100 * (1 - (v.alerts[level] or 0.0) / v.deadline) for v in true]
    return {
        f"{level}_precision": round(len(true) / len(red), 3) if red else None,
        f"{level}_recall": round(len(true) / len(missed), 3) if missed else None,
        f"{level}_lead_pct": round(statistics.median(leads), 1) if leads else None,
    }


def figures(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """Median errors of ours and of rows since the first one, and the coverage of ours."""
    mapes = {name: mape(verdicts, name) for name in ("ours", "rows_since_first")}
    return {"jobs": len(verdicts), **mapes, "coverage80_pct": coverage(verdicts)["all"]}


def first_eta(verdicts: Sequence[Verdict]) -> dict[str, float | None]:
    """Median |error| and coverage, in percent, of the first estimates made before any answer."""
    found = [v.first for v in verdicts if v.first is not None]
    return {
        "jobs": len(found),
        "mape": median_error(mark.error for mark in found),
        "bias_pct": round(100 * statistics.median(mark.error for mark in found), 1) if found else None,
        "coverage80_pct": round(100 * statistics.fmean(mark.covered for mark in found), 1) if found else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=12, help="jobs of each family and order, for each half")
    parser.add_argument("--fleet", type=int, default=FLEET_SEED, help="seed of the engines")
    parser.add_argument("--small", action="store_true", help="jobs of minutes whose rows are few for their engines")
    options = parser.parse_args()
    sizes = SMALL if options.small else LARGE
    history = learn(traces(CALIBRATION_SEED, options.rounds, CALIBRATION_FAMILIES, options.fleet, sizes))
    reported = traces(REPORTED_SEED, options.rounds, REPORTED_FAMILIES, options.fleet, sizes)
    cold = [judge(trace, Priors(), Spread.default()) for trace in reported]
    verdicts = with_history(history, reported)
    table("All", verdicts, {"all": lambda _: True})
    for field in ("order", "trouble", "family"):
        table(f"By {field}", verdicts, {name: partial(_is, field, name) for name in names_of(verdicts, field)})
    table(
        "By batches (rows over rows decoded together)",
        verdicts,
        {
            "below 1": lambda v: v.trace.scenario.batches < 1,
            "1 to 10": lambda v: 1 <= v.trace.scenario.batches < 10,
            "10 to 30": lambda v: 10 <= v.trace.scenario.batches < 30,
            "30 and more": lambda v: v.trace.scenario.batches >= 30,
        },
    )
    calm = [v for v in verdicts if v.trace.scenario.trouble == "none"]
    table("Undisturbed, by order", calm, {name: partial(_is, "order", name) for name in names_of(calm, "order")})
    widths = {
        f"{100 * mark:.0f}": round(
            statistics.median(e.width for v in verdicts for e in v.ours if e.progress == mark), 2
        )
        for mark in PUBLISHED
    }
    print(f"\n80 % interval, calibrated on {len(history.jobs)} jobs: covers {coverage(verdicts)} %; P90/P10 {widths}")
    print(f"without history: covers {coverage(cold)} %; error {mape(cold, 'ours')} %; {alerts(cold)}")
    for name in RULES:
        print(f"alert rule {name}: {alerts(verdicts, name)}")
    print(
        f"jobs without trouble ({len(calm)}): error {mape(calm, 'ours')} %; covers {coverage(calm)} %; {alerts(calm)}"
    )
    costs = sorted(cost for v in verdicts for cost in v.evaluation_seconds)
    by_order = {name: [v for v in verdicts if _is("order", name, v)] for name in names_of(verdicts, "order")}
    result = {
        "jobs": len(verdicts),
        "mape": mape(verdicts, "ours"),
        "mape_sorted": mape(by_order["sorted"], "ours"),
        "mape_shuffled": mape(by_order["shuffled"], "ours"),
        "coverage80_pct": coverage(verdicts)["all"],
        **alerts(verdicts),
        "cold_mape": mape(cold, "ours"),
        "cold_coverage80_pct": coverage(cold)["all"],
        "cold_alerts": alerts(cold),
        "first_eta": first_eta(verdicts),
        "cold_first_eta": first_eta(cold),
        "cold_calm_mape": mape([v for v in cold if v.trace.scenario.trouble == "none"], "ours"),
        "calm_jobs": len(calm),
        "calm_mape": mape(calm, "ours"),
        "families": {name: figures([v for v in verdicts if _is("family", name, v)]) for name in REPORTED_FAMILIES},
        "rivals": {name: mape(verdicts, name) for name in RIVALS},
        "missed": sum(v.missed for v in verdicts),
        "evaluation_ms": {
            "median": round(1e3 * statistics.median(costs), 3),
            "p99": round(1e3 * costs[int(0.99 * len(costs))], 3),
        },
        "calibration_jobs": len(history.jobs),
        "real": real_figures(load()),
    }
    print(f"RESULT {json.dumps(result)}")


if __name__ == "__main__":
    main()
