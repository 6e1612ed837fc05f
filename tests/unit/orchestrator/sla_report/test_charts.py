"""Charts of a report."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pytest

from fakes.finished_jobs import BASE, spec_of, trace_of
from fakes.reported_jobs import LATER, reported_jobs
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.sla_report.charts import Fan, fan_chart
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
