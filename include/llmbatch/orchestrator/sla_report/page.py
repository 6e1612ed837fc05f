"""The report as one self-contained page: no script, no font, no request. It opens from a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from llmbatch.core.sla_status import JobStatus, Status
from llmbatch.orchestrator.sla_report import charts
from llmbatch.orchestrator.sla_report.collected import Collected
from llmbatch.orchestrator.sla_report.figures import Figures, Violation
from llmbatch.orchestrator.sla_report.markup import Element, joined, number, tag
from llmbatch.orchestrator.sla_report.stylesheet import STYLESHEET

FANS = 6
"""Jobs whose estimates are drawn: the open ones first, by deadline, then the newest finished ones."""

_ROWS = 50
_DAYS = 31
_NONE = "n/a"
_WORDS = {
    Status.ON_TRACK: "✓ on track",
    Status.AT_RISK: "! at risk",
    Status.VIOLATED: "✕ violated",
    Status.MET: "✓ met",
}
_GLOSSARY = (
    ("Met", "delivered and proven complete before the deadline that was set when the job was submitted."),
    ("ETA error", "how far the median estimate of the remaining time was off; a job counts once at each mark."),
    (
        "80 % interval",
        "the span from P10 to P90: it should contain the finish in 80 of 100 cases, not more and not fewer.",
    ),
    (
        "Alert precision",
        "red alerts after which the deadline was missed. If a reaction followed and the job met its deadline, "
        "the alert is left out.",
    ),
    ("Alert recall", "missed deadlines that a red alert had announced before they passed."),
    ("Lead", "part of the time from submission to the deadline that was left at the first red alert."),
    ("GPU hours", "GPUs multiplied by the time that replicas used them, from loading the model to the end; 0 on CPUs."),
)


def page_of(base_uri: str, figures: Figures, collected: Collected) -> str:
    """Return the whole page as HTML. Every text from the store is escaped."""
    body = tag(
        "main",
        tag("h1", "SLA report"),
        tag(
            "p",
            tag("code", base_uri),
            f" · {_span(figures, collected)} · written {_stamp(figures.generated_at)}",
            class_="soft",
        ),
        _tiles(figures),
        _open(figures.open),
        _charts(figures),
        _fans(collected),
        _violations(figures.violations),
        tag("h2", "How to read this"),
        tag("dl", *(joined(tag("dt", word), tag("dd", text)) for word, text in _GLOSSARY), class_="card"),
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>SLA report</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{STYLESHEET}</style></head><body>{body}</body></html>\n"
    )


def _span(figures: Figures, collected: Collected) -> str:
    jobs = collected.finished
    if not jobs:
        return "no finished job yet"
    first, last = (f"{job.finished_at:%d %b %Y}" for job in (jobs[0], jobs[-1]))
    span = first if first == last else f"{first} to {last}"
    return f"jobs finished {span}" + (f" ({figures.left_out} older ones left out)" if figures.left_out else "")


def _tiles(figures: Figures) -> Element:
    eta, alerts, cost = figures.eta, figures.alerts, figures.cost
    missed = figures.jobs - figures.met
    tiles = [
        (_percent(figures.attainment_pct), f"of {figures.jobs} jobs met their deadline", False),
        (str(missed), "deadlines missed", missed > 0),
        (_percent(eta.median_error_pct.get("50")), "median ETA error at half of the rows", False),
        (_percent(eta.coverage80_pct), "inside the 80 % interval", False),
        (_share(alerts.precision), f"alert precision; recall {_share(alerts.recall)}", False),
        (_percent(alerts.lead_pct), "of the time left at the first red alert", False),
    ]
    if cost.usd is not None:
        each = f"; ${cost.usd_per_million_tokens:,.2f} a million tokens" if cost.usd_per_million_tokens else ""
        tiles.append(
            (
                f"${cost.usd:,.{0 if cost.usd >= 1000 else 2}f}",
                f"for {number(cost.gpu_hours, 1)} GPU hours{each}",
                False,
            )
        )
    else:
        name, hours = ("GPU", cost.gpu_hours) if cost.gpu_hours else ("replica", cost.replica_hours)
        tiles.append((number(hours, 1), f"{name} hours; no price is configured", False))
    shown = (tag("div", tag("b", v), tag("span", text), class_="tile bad" if bad else "tile") for v, text, bad in tiles)
    return tag("div", *shown, class_="tiles")


def _open(jobs: Sequence[JobStatus]) -> Element:
    title = tag("h2", "Open jobs")
    if not jobs:
        return joined(title, tag("p", "None.", class_="soft"))
    rows = [
        (
            tag("td", tag("code", job.job_id)),
            tag("td", tag("span", _WORDS[job.status], class_=f"pill {_class(job.status)}")),
            tag(
                "td",
                tag("progress", value=job.progress_pct, max=100),
                f"{job.progress_pct:.0f} %",
                tag("small", job.phase),
            ),
            _eta(job),
            tag("td", _hours(job.sla_remaining_hours), class_="number"),
            tag("td", _share(job.miss_probability), class_="number"),
            tag("td", job.reason, class_="why"),
        )
        for job in jobs[:_ROWS]
    ]
    heads = ("job", "status", "progress", "#ETA", "#to the deadline", "#chance of a miss", "why")
    return joined(title, _table(heads, rows), _rest(len(jobs)))


def _violations(missed: Sequence[Violation]) -> Element:
    title = tag("h2", "Missed deadlines")
    if not missed:
        return joined(title, tag("p", "None.", class_="soft"))
    rows = [
        (
            tag("td", tag("code", each.job_id)),
            tag("td", each.model),
            tag("td", _stamp(each.deadline)),
            tag("td", _hours(each.late_seconds / 3600), class_="number"),
            tag("td", _stamp(each.first_red_at) if each.first_red_at else "not announced"),
            tag("td", f"{each.expired_rows:,}", class_="number"),
        )
        for each in missed[:_ROWS]
    ]
    heads = ("job", "model", "deadline", "#late by", "first red alert", "#expired rows")
    return joined(title, _table(heads, rows), _rest(len(missed)))


def _charts(figures: Figures) -> Element:
    periods = figures.days if len(figures.days) <= _DAYS else figures.weeks
    key = joined(tag("span", class_="key met"), "met  ", tag("span", class_="key missed"), "missed")
    cards = [
        ("Attainment by week", key, charts.attainment_chart(figures.weeks)),
        (
            "ETA error by progress",
            "Median error of the remaining time; lower is better.",
            charts.error_chart(figures.eta),
        ),
        ("Throughput: output tokens", "Per second of work.", charts.throughput_chart(periods, tokens=True)),
        (
            "Calibration",
            "Below the dashed line, intervals are too narrow; above it, needlessly wide.",
            charts.calibration_chart(figures.eta),
        ),
        ("Throughput: rows", "Per second of work.", charts.throughput_chart(periods, tokens=False)),
        ("Cost by week", "US dollars where a price is configured, else GPU hours.", charts.cost_chart(figures.weeks)),
    ]
    return joined(tag("h2", "Trends and accuracy"), _cards(cards))


def _fans(collected: Collected) -> Element:
    fans = [
        charts.Fan(job.status.job_id, job.submitted_at, job.status.deadline, None, job.estimates)
        for job in collected.open
        if job.estimates
    ]
    fans += [
        charts.Fan(job.job_id, job.submitted_at, job.deadline, job.eta.ended_at, job.estimates)
        for job in reversed(collected.finished)
        if job.estimates and job.submitted_at and job.eta
    ]
    cards = [
        (fan.job_id, "finished" if fan.ended_at else "open", drawing)
        for fan in fans
        if (drawing := charts.fan_chart(fan)) is not None
    ][:FANS]
    hint = (
        "Band: P10 to P90. Line: P50. A band below the dashed deadline means that the job meets it with time to spare."
    )
    return joined(tag("h2", "Predicted finish against the deadline"), tag("p", hint, class_="hint"), _cards(cards))


def _cards(cards: Sequence[tuple[str, str, Element | None]]) -> Element:
    nothing = tag("p", "Nothing to show yet.", class_="soft")
    shown = (
        tag("section", tag("h3", t), tag("p", hint, class_="hint"), c or nothing, class_="card") for t, hint, c in cards
    )
    return tag("div", *shown, class_="charts") if cards else nothing


def _table(heads: Sequence[str], rows: Sequence[Sequence[Element]]) -> Element:
    """Return a table; a head that begins with ``#`` is over numbers."""
    top = (tag("th", h.removeprefix("#"), scope="col", class_="number" if h.startswith("#") else "word") for h in heads)
    body = tag("tbody", *(tag("tr", *row) for row in rows))
    return tag("div", tag("table", tag("thead", tag("tr", *top)), body), class_="scroll")


def _rest(count: int) -> Element:
    return tag("p", f"and {count - _ROWS} more, in the JSON", class_="hint") if count > _ROWS else joined()


def _eta(job: JobStatus) -> Element:
    text = _hours(job.eta_hours) if job.eta_hours is not None else "unknown"
    span = joined()
    if job.eta_p10_hours is not None and job.eta_p90_hours is not None:
        span = tag("small", f"{_hours(job.eta_p10_hours)} to {_hours(job.eta_p90_hours)}")
    return tag("td", text, span, class_="number")


def _class(status: Status) -> str:
    return "met-word" if status is Status.MET else status.value


def _hours(hours: float) -> str:
    minutes = round(abs(hours) * 60)
    text = f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
    return f"-{text}" if hours < 0 and minutes else text


def _percent(value: float | None) -> str:
    return f"{number(value, 1)} %" if value is not None else _NONE


def _share(value: float | None) -> str:
    return f"{100 * value:.0f} %" if value is not None else _NONE


def _stamp(stamp: datetime) -> str:
    return f"{stamp.astimezone(UTC):%d %b %Y %H:%M} UTC"
