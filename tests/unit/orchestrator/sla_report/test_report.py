"""The report over jobs: its figures, and the escaping of every text from the store."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from fakes.finished_jobs import BASE, NOW, alert_of, finish, job_id, progress_of, spec_of, trace_of
from llmbatch.core.alerts import Level
from llmbatch.core.clock import ManualClock
from llmbatch.core.sla_status import Status
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.history.job_report import SlaReport, report_sla
from llmbatch.orchestrator.sla_report.charts import Fan, fan_chart
from llmbatch.orchestrator.sla_report.collected import collect
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.markup import joined, number, tag
from llmbatch.orchestrator.sla_report.report import render
from llmbatch.orchestrator.sla_report.sums import figures_of
from llmbatch.orchestrator.sla_report.svg import Frame, ceiling, label, ticks

LATER = NOW + timedelta(days=30)
EVIL = "</td><script>alert(1)</script>"


def ended(store: MemoryStore, number: int, *, days: float = 0.0, seconds: float = 3600.0, red: bool = False) -> None:
    """One finished job with a window of two hours."""
    spec = spec_of(number, submitted_at=NOW + timedelta(days=days))
    finish(store, spec, seconds=seconds, alerts=[alert_of(spec, Level.RED, 1800)] if red else [])
    report_sla(spec.root_uri, store)


def running(store: MemoryStore, number: int, *, eta: float, reason: str = "") -> None:
    spec = spec_of(number, submitted_at=LATER - timedelta(hours=1))
    beat = progress_of(spec, 3600, eta=(0.9 * eta, eta, 1.1 * eta)).model_copy(update={"eta_reason": reason})
    store.put(spec.layout.spec, spec.model_dump_json().encode())
    store.put(spec.layout.progress, beat.model_dump_json().encode())
    store.put(spec.layout.trace(1), trace_of(spec).model_dump_json().encode())


@pytest.fixture
def store() -> MemoryStore:
    """Met, missed and announced, met with a false alarm (and paused), rescued, missed unannounced; two run."""
    clock = ManualClock(NOW)
    store = MemoryStore(clock)
    for n, kind in ((3, "paused"), (4, "replicas")):
        record = {"kind": kind, "number": 1, "at": NOW.isoformat()}
        store.put(f"{spec_of(n).layout.reactions}1.json", json.dumps(record).encode())
    for n, (days, seconds, red) in enumerate(
        [(0, 3600, False), (1, 9000, True), (7, 3600, True), (8, 3600, True), (9, 9000, False)], start=1
    ):
        clock.advance(60)
        ended(store, n, days=days, seconds=seconds, red=red)
    running(store, 11, eta=7000, reason=EVIL)
    running(store, 12, eta=600)
    return store


def figures(store: MemoryStore) -> Figures:
    return figures_of(collect(BASE, store, most=200, now=LATER), LATER)


def test_alerts_against_what_happened(store: MemoryStore) -> None:
    found = figures(store).alerts
    assert (found.red_jobs, found.missed_jobs, found.rescued) == (3, 2, 1)
    assert (found.right, found.wrong, found.unannounced) == (1, 1, 1)
    assert (found.precision, found.recall, found.lead_pct) == (0.5, 0.5, 75.0)


def test_a_red_alert_after_the_deadline_announced_nothing() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec, seconds=9000, alerts=[alert_of(spec, Level.RED, 7300)])
    report_sla(spec.root_uri, store)
    found = figures(store)
    assert (found.alerts.recall, found.alerts.unannounced) == (0.0, 1)
    assert found.violations[0].first_red_at is None


def test_weeks_days_attainment_and_cost(store: MemoryStore) -> None:
    found = figures(store)
    assert (found.jobs, found.met, found.attainment_pct) == (5, 3, 60.0)
    assert [(week.begins.isoformat(), week.jobs, week.met) for week in found.weeks] == [
        ("2029-12-31", 2, 1),
        ("2030-01-07", 3, 2),
    ]
    assert len(found.days) == 5
    assert found.days[0].rows_per_second == pytest.approx(100 / 3420, abs=1e-4)
    assert found.days[0].tokens_per_second == pytest.approx(10_000 / 3420, abs=1e-3)
    assert (found.cost.gpu_hours, found.cost.usd) == (20.0, 50.0)
    assert found.cost.usd_per_million_tokens == pytest.approx(50 / 0.3, abs=1e-3)
    assert [each.job_id for each in found.violations] == [job_id(5), job_id(2)]
    assert [each.late_seconds for each in found.violations] == [1810, 1810]


def test_eta_accuracy_and_calibration(store: MemoryStore) -> None:
    eta = figures(store).eta
    assert eta.jobs == 5
    assert eta.error_pct == pytest.approx({"10": 10, "25": 10, "50": 10, "75": 10, "90": 10})
    assert (eta.bias_pct, eta.coverage80_pct) == (pytest.approx(10), 100)
    # P50 is 10 % too late and P10 20 % below it: the end is at the 29th percentile, outside of narrow intervals.
    assert eta.calibration["40"] == 0
    assert eta.calibration["50"] == 100


def test_open_jobs_are_judged_and_the_most_urgent_is_first(store: MemoryStore) -> None:
    found = figures(store).open
    assert [(job.job_id, job.status) for job in found] == [(job_id(11), Status.AT_RISK), (job_id(12), Status.ON_TRACK)]


def test_a_dry_run_is_no_open_job(store: MemoryStore) -> None:
    spec = spec_of(13, submitted_at=LATER, dry_run=True)
    store.put(spec.layout.spec, spec.model_dump_json().encode())
    assert job_id(13) not in {job.job_id for job in figures(store).open}


def test_one_job_of_seconds_does_not_move_what_the_page_shows(store: MemoryStore) -> None:
    uri = spec_of(1).layout.sla
    report = SlaReport.model_validate_json(store.get(uri))
    assert report.eta is not None
    marks = tuple(mark.model_copy(update={"error": 25.0}) for mark in report.eta.marks)
    changed = report.model_copy(update={"eta": report.eta.model_copy(update={"marks": marks})})
    store.put(uri, changed.model_dump_json().encode())
    assert figures(store).eta.error_pct["50"] > 500
    page = Strict(render(BASE, store, ManualClock(LATER), format="html"))
    assert "10 %median ETA error" in page.text


@pytest.mark.parametrize(("hours", "drawn"), [(2.0, True), (24.0, False)])
def test_a_deadline_far_above_does_not_press_the_estimates_to_the_floor(hours: float, drawn: bool) -> None:
    spec = spec_of(hours=hours)
    points = tuple(point for point in trace_of(spec).points if point.seconds is not None)
    ended = spec.created_at + timedelta(hours=1)
    drawing = fan_chart(Fan(spec.job_id, spec.created_at, spec.deadline, ended, points))
    root = ElementTree.fromstring(str(drawing))
    (band,) = root.iter("polygon")
    heights = [float(pixel.split(",")[1]) for pixel in (band.get("points") or "").split()]
    assert max(heights) - min(heights) > 30
    assert any(e.get("class") == "deadline" for e in root.iter("polyline")) is drawn
    assert ("far above, 24 hours" in "".join(root.itertext())) is not drawn


def test_only_the_newest_are_read(store: MemoryStore) -> None:
    found = collect(BASE, store, most=2, now=LATER)
    assert [job.job_id for job in found.finished] == [job_id(4), job_id(5)]
    assert found.left_out == 3


def test_what_cannot_be_read_is_left_out(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    store.put(spec_of(1).layout.sla, b"{")
    store.put(spec_of(11).layout.spec, b"{}")
    store.put(f"{BASE}/jobs/notes.txt", b"?")
    found = collect(BASE, store, most=200, now=LATER)
    assert (len(found.finished), len(found.open)) == (4, 1)
    assert spec_of(1).layout.sla in caplog.text


def test_json_is_the_figures(store: MemoryStore) -> None:
    text = render(BASE, store, ManualClock(LATER), format="json")
    assert Figures.model_validate_json(text) == figures(store)


def test_csv_has_one_line_a_job_and_no_formula(store: MemoryStore) -> None:
    uri = spec_of(1).layout.sla
    report = SlaReport.model_validate_json(store.get(uri)).model_copy(update={"model": '=HYPERLINK("x"),\n1'})
    store.put(uri, report.model_dump_json().encode())
    rows = list(csv.DictReader(io.StringIO(render(BASE, store, ManualClock(LATER), format="csv"), newline="")))
    by_id = {row["job_id"]: row for row in rows}
    assert sorted(by_id) == [job_id(n) for n in range(1, 6)]
    assert by_id[job_id(1)]["model"] == '\'=HYPERLINK("x"),\n1'
    late = by_id[job_id(2)]
    assert (late["met"], late["margin_hours"], late["alerts"], late["usd"]) == ("false", "-0.5028", "red-1", "10.0")
    assert late["eta_error_50_pct"] == "10.0"


class Strict(HTMLParser):
    """Keeps tags, ids and text; every element must be closed by its own name."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_and_escapes_everything(store: MemoryStore) -> None:
    uri = spec_of(2).layout.sla
    report = SlaReport.model_validate_json(store.get(uri)).model_copy(update={"model": EVIL})
    store.put(uri, report.model_dump_json().encode())
    found = Strict(render(f"{BASE}", store, ManualClock(LATER), format="html"))
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in {"src", "href", "srcset"}]
    assert not [value for _, value in found.attributes if "//" in value]
    assert found.text.count(EVIL) == 2  # the model of a missed job and the reason of an open one
    assert len(found.ids) == len(set(found.ids))
    assert "60 %" in found.text
    assert found.tags.count("svg") == 6 + 6


def test_every_chart_is_a_named_drawing(store: MemoryStore) -> None:
    page = render(BASE, store, ManualClock(LATER), format="html")
    drawings = [f"<svg{rest.split('</svg>')[0]}</svg>" for rest in page.split("<svg")[1:]]
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("role") == "img"
        named = (root.get("aria-labelledby") or "").split()
        assert [root.find(kind).get("id") for kind in ("title", "desc")] == named
        numbers = [
            float(v) for e in root.iter() for k, v in e.items() if k in {"x", "y", "cx", "cy", "width", "height"}
        ]
        assert all(-1 <= value <= 600 for value in numbers)


def test_an_empty_base_still_has_a_page() -> None:
    page = Strict(render(BASE, MemoryStore(), ManualClock(LATER), format="html"))
    assert "no finished job yet" in page.text
    assert page.tags.count("svg") == 0
    empty = figures(MemoryStore())
    assert (empty.attainment_pct, empty.alerts.precision, empty.cost.usd, empty.eta.calibration) == (
        None,
        None,
        None,
        {},
    )


def test_markup_escapes_what_is_no_element() -> None:
    assert tag("b", 'a<b & "c"', class_="x", stroke_width=1.50) == (
        '<b class="x" stroke-width="1.5">a&lt;b &amp; &quot;c&quot;</b>'
    )
    assert tag("i", joined("<", tag("b", "&"))) == "<i>&lt;<b>&amp;</b></i>"
    assert tag("i", title='"><script>') == '<i title="&quot;&gt;&lt;script&gt;"></i>'
    assert [number(value) for value in (1200, 3.50, 0.02)] == ["1200", "3.5", "0.02"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 7.3, [0, 2, 4, 6]), (0, 100, [0, 20, 40, 60, 80, 100]), (-0.4, 0.9, [-0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    found = ticks(low, high, 7 if low < 0 else 5)
    assert found == pytest.approx(expected)


def test_values_have_their_pixels() -> None:
    frame = Frame(x=(0, 10), y=(0, 100), width=574, height=258)
    assert frame.at(0, 0) == (58, 214)
    assert frame.at(10, 100) == (558, 14)
    assert frame.at(5, 500) == (308, 14)
    assert [label(value) for value in (0.05, 1200, 3_000_000)] == ["0.05", "1.2k", "3M"]
    assert ceiling([]) == 1.0
