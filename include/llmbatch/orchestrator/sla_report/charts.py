"""The report's charts. Each is one drawing with a title, or None without data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from llmbatch.core.eta.trace import TracePoint
from llmbatch.orchestrator.sla_report.figures import EtaAccuracy, Period
from llmbatch.orchestrator.sla_report.markup import Element, number
from llmbatch.orchestrator.sla_report.svg import Frame, ceiling, label

_MOST_LABELS = 8
_WIDEST_BAR = 42.0
_FAR = 4.0
"""A deadline that is more than this many times the latest prediction is not drawn to scale."""


@dataclass(frozen=True)
class Fan:
    """The estimates of one job against its deadline."""

    job_id: str
    submitted_at: datetime
    deadline: datetime
    ended_at: datetime | None
    estimates: tuple[TracePoint, ...]


def fan_chart(fan: Fan) -> Element | None:
    """Draw the predicted finish: P10 to P90 as a band, P50 as a line, the deadline and the finish.

    A deadline far above the predictions would flatten them. It is then a note at the top.
    """
    known = [(point, point.seconds) for point in fan.estimates if point.seconds is not None]
    if not known:
        return None
    made_at = [(point.at - fan.submitted_at).total_seconds() for point, _ in known]
    highest = max(at + seconds[2] for at, (_, seconds) in zip(made_at, known, strict=True))
    if fan.ended_at:
        highest = max(highest, (fan.ended_at - fan.submitted_at).total_seconds())
    window = (fan.deadline - fan.submitted_at).total_seconds()
    is_far = window > _FAR * highest
    unit, name = _unit(highest if is_far else window)

    def after(stamp: datetime) -> float:
        return (stamp - fan.submitted_at).total_seconds() / unit

    rows = [
        (at / unit, *((at + each) / unit for each in seconds)) for at, (_, seconds) in zip(made_at, known, strict=True)
    ]
    deadline, ended = after(fan.deadline), after(fan.ended_at) if fan.ended_at else None
    last = max(rows[-1][0], ended or 0.0)
    near = max(1.3 * deadline, 1.15 * (ended or 0.0), min(3 * deadline, 1.1 * max(p50 for _, _, p50, _ in rows)))
    top = 1.15 * highest / unit if is_far else near
    frame = Frame(x=(0.0, 1.02 * last or 1.0), y=(0.0, top))
    parts = [
        frame.grid(f"{name} after submission", f"predicted finish, {name}"),
        frame.band([(x, p10, p90) for x, p10, _, p90 in rows], "band"),
        frame.line([(x, p50) for x, _, p50, _ in rows], "line"),
    ]
    if is_far:
        window_unit, window_name = _unit(window)
        words = f"deadline far above, {number(window / window_unit, 1)} {window_name}"
        parts.append(frame.note(frame.x[1], top, words, above=-12, anchor="end"))
    else:
        parts += [frame.level(deadline, "deadline"), frame.note(frame.x[1], deadline, "deadline", anchor="end")]
    summary = f"last estimate {number(rows[-1][2])} {name} after submission"
    if ended is not None:
        summary = f"finished {number(ended)} {name} after submission"
        parts += [frame.level(ended, "actual"), frame.note(0.0, ended, "finished", anchor="start")]
        parts.append(frame.dot(ended, ended, summary))
    key = f"fan-{fan.job_id}"
    text = f"Deadline {number(deadline)} {name} after submission, {summary}."
    return frame.chart(key, f"Predicted finish of {fan.job_id}", text, *parts)


def attainment_chart(weeks: Sequence[Period]) -> Element | None:
    """Draw the jobs of each week, those that met their deadline below those that missed it."""
    if not weeks:
        return None
    frame = Frame(x=(-0.6, len(weeks) - 0.4), y=(0.0, ceiling([1.06 * week.jobs for week in weeks], 4)))
    names = [week.begins.strftime("%d %b") for week in weeks]
    parts = [frame.grid("week from", "jobs", _some(names))]
    width = min(_WIDEST_BAR, 320.0 / len(weeks))
    for n, week in enumerate(weeks):
        missed = week.jobs - week.met
        if week.met:
            parts.append(frame.bar(n, 0, week.met, f"week from {names[n]}: {week.met} met", "met", width))
        if missed:
            parts.append(frame.bar(n, week.met, week.jobs, f"week from {names[n]}: {missed} missed", "missed", width))
        if len(weeks) <= 2 * _MOST_LABELS:
            parts.append(frame.note(n, week.jobs, f"{100 * week.met / week.jobs:.0f} %"))
    text = "; ".join(f"{name}: {week.met} of {week.jobs}" for name, week in zip(names, weeks, strict=True))
    return frame.chart("attainment", "Jobs that met their deadline, by week", text, *parts)


def throughput_chart(periods: Sequence[Period], *, tokens: bool) -> Element | None:
    """Draw rows or output tokens a second of work, one point a day or week."""
    rates = [period.tokens_per_second if tokens else period.rows_per_second for period in periods]
    known = [(float(n), rate) for n, rate in enumerate(rates) if rate is not None]
    if not known:
        return None
    what = "output tokens/s" if tokens else "rows/s"
    frame = Frame(x=(-0.5, len(periods) - 0.5), y=(0.0, ceiling([rate for _, rate in known], 0.01)), height=220)
    names = [period.begins.strftime("%d %b") for period in periods]
    parts = [frame.grid("finished on", what, _some(names)), frame.line(known, "line")]
    parts += [frame.dot(n, rate, f"{names[int(n)]}: {label(rate)} {what}") for n, rate in known]
    text = f"From {names[0]} to {names[-1]}: first {label(known[0][1])}, last {label(known[-1][1])} {what}."
    return frame.chart("tokens" if tokens else "rows", f"Throughput in {what}", text, *parts)


def cost_chart(weeks: Sequence[Period]) -> Element | None:
    """Draw what the jobs of each week cost: dollars if all of them are known, else GPU hours."""
    priced = all(week.usd is not None for week in weeks)
    costs = [(week.usd if priced else week.gpu_hours) or 0.0 for week in weeks]
    if not any(costs):
        return None
    what = "US dollars" if priced else "GPU hours"
    frame = Frame(x=(-0.6, len(weeks) - 0.4), y=(0.0, ceiling(costs)), height=220)
    names = [week.begins.strftime("%d %b") for week in weeks]
    parts = [frame.grid("week from", what, _some(names))]
    for n, cost in enumerate(costs):
        shown = f"week from {names[n]}: {number(cost)} {what}"
        parts.append(frame.bar(n, 0, cost, shown, "met", min(_WIDEST_BAR, 320.0 / len(weeks))))
    text = "; ".join(f"{name}: {number(cost)}" for name, cost in zip(names, costs, strict=True))
    return frame.chart("cost", f"{what} by week", text, *parts)


def error_chart(eta: EtaAccuracy) -> Element | None:
    """Draw the median error of the remaining time by how far jobs were; one short job can dominate a mean."""
    if not eta.median_error_pct:
        return None
    places = list(eta.median_error_pct.items())
    frame = Frame(x=(-0.6, len(places) - 0.4), y=(0.0, ceiling([error for _, error in places], 10)))
    names = [(float(n), f"{mark} %") for n, (mark, _) in enumerate(places)]
    parts = [frame.grid("rows done", "error of the remaining time, %", names)]
    for n, (mark, error) in enumerate(places):
        mean = eta.error_pct[mark]
        title = f"at {mark} % of the rows: median {number(error, 1)} %, mean {number(mean, 1)} %"
        parts.append(frame.bar(n, 0, error, title, "met", _WIDEST_BAR))
        parts.append(frame.note(n, error, f"{number(error, 1)} %"))
    text = "; ".join(f"at {mark} % of the rows {number(error, 1)} %" for mark, error in places)
    return frame.chart("error", "Median error of the ETA by progress", text, *parts)


def calibration_chart(eta: EtaAccuracy) -> Element | None:
    """Draw how often intervals contained the finish, against their nominal width."""
    if not eta.calibration:
        return None
    seen = [(float(width), share) for width, share in eta.calibration.items()]
    frame = Frame(x=(0.0, 100.0), y=(0.0, 100.0))
    parts = [
        frame.grid("nominal interval, %", "contained the finish, %"),
        frame.line([(0, 0), (100, 100)], "ideal"),
        frame.note(97, 97, "ideal", above=-14, anchor="end"),
        frame.line([(0.0, 0.0), *seen], "line"),
        *(frame.dot(x, y, f"{number(x)} % intervals contained the finish in {number(y, 1)} %") for x, y in seen),
    ]
    text = "; ".join(f"{number(x)} % nominal, {number(y, 1)} % observed" for x, y in seen)
    return frame.chart("calibration", "Calibration of the interval", text, *parts)


def _some(names: Sequence[str]) -> list[tuple[float, str]]:
    """Return names under their places, only every second or third if there are many."""
    step = -(-len(names) // _MOST_LABELS)
    return [(float(n), name) for n, name in enumerate(names) if n % step == 0]


def _unit(seconds: float) -> tuple[float, str]:
    """Return the unit of a window in seconds, and its name."""
    return next(
        ((size, name) for size, name in ((3600.0, "hours"), (60.0, "minutes")) if seconds >= size), (1, "seconds")
    )
