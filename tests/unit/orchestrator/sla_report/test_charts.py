"""Charts of a report."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pytest

from fakes.finished_jobs import BASE, spec_of, trace_of
from fakes.reported_jobs import LATER, figures, reported_jobs
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.sla_report.charts import (
    Fan,
    attainment_chart,
    calibration_chart,
    cost_chart,
    error_chart,
    fan_chart,
    throughput_chart,
)
from llmbatch.orchestrator.sla_report.report import render


@pytest.fixture
def store() -> MemoryStore:
    return reported_jobs()


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


def test_without_data_there_is_no_chart() -> None:
    empty = figures(MemoryStore())
    spec = spec_of()
    found = [
        fan_chart(Fan(spec.job_id, spec.created_at, spec.deadline, None, ())),
        attainment_chart(empty.weeks),
        throughput_chart(empty.days, tokens=True),
        throughput_chart(empty.days, tokens=False),
        cost_chart(empty.weeks),
        error_chart(empty.eta),
        calibration_chart(empty.eta),
    ]
    assert found == [None] * 7


def test_a_week_has_a_bar_for_met_and_one_for_missed_deadlines(store: MemoryStore) -> None:
    drawing = ElementTree.fromstring(str(attainment_chart(figures(store).weeks)))
    bars = [(bar.get("class"), bar.findtext("title")) for bar in drawing.iter("rect")]
    assert bars == [
        ("met", "week from 31 Dec: 1 met"),
        ("missed", "week from 31 Dec: 1 missed"),
        ("met", "week from 07 Jan: 2 met"),
        ("missed", "week from 07 Jan: 1 missed"),
    ]
