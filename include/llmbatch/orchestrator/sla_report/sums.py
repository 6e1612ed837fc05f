"""The report's figures: pure sums over finished and open jobs."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from llmbatch.core.alerts import Level
from llmbatch.core.eta.record import MARKS
from llmbatch.core.eta.spread import miss_probability
from llmbatch.orchestrator.history.job_report import SlaReport
from llmbatch.orchestrator.sla_report.collected import Collected
from llmbatch.orchestrator.sla_report.figures import AlertQuality, Cost, EtaAccuracy, Figures, Period, Violation

NOMINAL = (10, 20, 30, 40, 50, 60, 70, 80, 90)
"""Widths of central intervals, in percent, at which calibration is shown."""


def figures_of(collected: Collected, now: datetime) -> Figures:
    """Return the sums. Without a finished job, quotients are null and lists are empty."""
    jobs = collected.finished
    met = sum(job.met for job in jobs)
    return Figures(
        generated_at=now,
        jobs=len(jobs),
        met=met,
        attainment_pct=_percent(met, len(jobs)),
        left_out=collected.left_out,
        days=_periods(jobs, weekly=False),
        weeks=_periods(jobs, weekly=True),
        eta=_accuracy(jobs),
        alerts=_alerts(jobs),
        violations=tuple(_violation(job) for job in reversed(jobs) if not job.met),
        cost=_cost(jobs),
        open=tuple(job.status for job in collected.open),
    )


def first_red(job: SlaReport) -> datetime | None:
    """Return the time of the first red alert before the deadline; None if there was none."""
    return min((a.raised_at for a in job.alerts if a.level is Level.RED and a.raised_at < job.deadline), default=None)


def _periods(jobs: Sequence[SlaReport], *, weekly: bool) -> tuple[Period, ...]:
    groups: defaultdict[date, list[SlaReport]] = defaultdict(list)
    for job in jobs:
        day = job.finished_at.astimezone(UTC).date()
        groups[day - timedelta(days=day.weekday()) if weekly else day].append(job)
    return tuple(_period(begins, groups[begins]) for begins in sorted(groups))


def _period(begins: date, jobs: Sequence[SlaReport]) -> Period:
    timed = [job for job in jobs if job.work_seconds > 0]
    generated = [job for job in timed if job.tokens_per_second is not None]
    cost = _cost(jobs)
    return Period(
        begins=begins,
        jobs=len(jobs),
        met=sum(job.met for job in jobs),
        rows=sum(job.own_rows for job in jobs),
        output_tokens=sum(job.tokens.completion for job in generated),
        rows_per_second=_quotient(sum(job.own_rows for job in timed), sum(job.work_seconds for job in timed)),
        tokens_per_second=_quotient(
            sum(job.tokens.completion for job in generated), sum(job.work_seconds for job in generated)
        ),
        gpu_hours=cost.gpu_hours,
        usd=cost.usd,
    )


def _accuracy(jobs: Sequence[SlaReport]) -> EtaAccuracy:
    scores = [job.eta for job in jobs if job.eta is not None and job.eta.marks]
    by_mark = {
        f"{100 * place:.0f}": [mark.error for eta in scores for mark in eta.marks if mark.progress == place]
        for place in MARKS
    }
    return EtaAccuracy(
        jobs=len(scores),
        error_pct={k: round(100 * statistics.fmean(map(abs, v)), 2) for k, v in by_mark.items() if v},
        median_error_pct={k: round(100 * statistics.median(map(abs, v)), 2) for k, v in by_mark.items() if v},
        bias_pct=_mean(eta.bias_pct for eta in scores),
        coverage80_pct=_mean(eta.coverage_pct for eta in scores),
        width=_mean(eta.width for eta in scores),
        calibration=_calibration(jobs),
    )


def _calibration(jobs: Sequence[SlaReport]) -> dict[str, float]:
    """Return how often central intervals contained the end: the mean over jobs, as one job's estimates correlate."""
    places = []
    for job in jobs:
        if job.eta is None:
            continue
        ended, own = job.eta.ended_at, []
        for point in job.estimates:
            if point.seconds is not None and point.predicted and point.at < ended:
                # The quantile of the end in the estimate's distribution: 0.5 is its median.
                own.append(1 - miss_probability((ended - point.at).total_seconds(), *point.seconds))
        if own:
            places.append(own)
    return {
        str(width): round(100 * statistics.fmean(_share_within(own, width / 100) for own in places), 2)
        for width in NOMINAL
        if places
    }


def _share_within(places: Sequence[float], width: float) -> float:
    return statistics.fmean(abs(place - 0.5) <= width / 2 for place in places)


def _alerts(jobs: Sequence[SlaReport]) -> AlertQuality:
    missed = [job for job in jobs if not job.met]
    red = [job for job in jobs if first_red(job) is not None]
    right = [job for job in red if not job.met]
    rescued = [job for job in red if job.met and any(each.helps for each in job.reactions)]
    wrong = len(red) - len(right) - len(rescued)
    leads = [max(a.lead_pct for a in job.alerts if a.level is Level.RED) for job in right]
    return AlertQuality(
        red_jobs=len(red),
        missed_jobs=len(missed),
        right=len(right),
        wrong=wrong,
        rescued=len(rescued),
        unannounced=len(missed) - len(right),
        precision=_quotient(len(right), len(right) + wrong),
        recall=_quotient(len(right), len(missed)),
        lead_pct=round(statistics.median(leads), 2) if leads else None,
    )


def _violation(job: SlaReport) -> Violation:
    return Violation(
        job_id=job.job_id,
        model=job.model,
        deadline=job.deadline,
        finished_at=job.finished_at,
        late_seconds=-job.margin_seconds,
        first_red_at=first_red(job),
        expired_rows=job.rows.expired,
    )


def _cost(jobs: Sequence[SlaReport]) -> Cost:
    costs = [job.cost for job in jobs if job.cost is not None]
    priced = [job for job in jobs if job.cost is not None and job.cost.usd_per_million_tokens is not None]
    paid = sum(job.cost.usd or 0.0 for job in priced if job.cost is not None)
    each = _quotient(paid, sum(job.tokens.prompt + job.tokens.completion for job in priced) / 1e6)
    usd = [cost.usd for cost in costs if cost.usd is not None]
    return Cost(
        gpu_hours=round(sum(cost.gpu_hours for cost in costs), 4),
        replica_hours=round(sum(cost.replica_hours for cost in costs), 4),
        usd=round(sum(usd), 4) if usd else None,
        usd_per_million_tokens=each,
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.fmean(known), 2) if known else None


def _quotient(above: float, below: float) -> float | None:
    return round(above / below, 4) if below else None


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 2) if whole else None
