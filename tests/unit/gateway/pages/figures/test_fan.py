"""The ETA fan."""

from __future__ import annotations

import pytest

from fakes.job_courses import HOSTILE, at, course, drawn, halfway
from llmbatch.core.eta.trace import TracePoint
from llmbatch.gateway.pages.figures.fan import fan
from llmbatch.gateway.pages.zone import Zone

UTC = Zone()


def said(seconds: float, left: float | None, **changes: object) -> TracePoint:
    """An estimate of so many seconds left, from 10 % less to 20 % more."""
    known = None if left is None else (0.9 * left, left, 1.2 * left)
    return TracePoint.model_validate({"at": at(seconds), "rows": 0.5, "seconds": known, **changes})


def test_before_the_first_estimate_there_is_no_fan() -> None:
    assert fan(course(), UTC) is None
    assert fan(course([said(1, None, reason="nothing runs")]), UTC) is None


def test_each_estimate_is_drawn_with_what_was_said_and_why() -> None:
    figure = fan(halfway(), UTC)
    found = drawn(figure)
    band, line, unknown = found.data
    assert (band.name, line.name, unknown.name) == ("P10 to P90", "P50", "no estimate")
    drawn_points = [text for text in line.hovertext if text]
    assert len(drawn_points) + len(unknown.x) == 80
    assert "answers of 118 tokens at 2 replicas" in drawn_points[0].replace("<br>", " ")
    assert drawn_points[-1].startswith("said at 2030-01-01 02:30 UTC<br>finish 2030-01-01 03:37 UTC<br>23 min before")
    assert "before the deadline" in drawn_points[-1]
    assert drawn_points[-1].endswith("59.6 % of the rows, 4 replicas<br>generation 2")
    assert figure is not None
    assert figure.summary.startswith("The latest estimate, of 2030-01-01 02:30 UTC, is a finish at 2030-01-01 03:3")
    assert figure.summary.endswith("The deadline is 2030-01-01 04:00 UTC. 78 estimates of 2 generations.")


def test_the_band_is_one_polygon_for_each_run_of_estimates() -> None:
    band = drawn(fan(course([said(0, 100), said(10, 90), said(20, None), said(30, 80)], [said(50, 60)]), UTC)).data[0]
    assert list(band.x).count(None) == 2
    assert list(band.x[:4]) == [f"2030-01-01T00:00:{second}" for second in ("00", "10", "10", "00")]
    assert list(band.y[:4]) == [f"2030-01-01T00:0{text}" for text in ("1:30", "1:31", "1:58", "2:00")]


def test_times_are_those_of_the_reader() -> None:
    found = drawn(fan(course([said(0, 3600)], hours=1.5), Zone("Asia/Kolkata")))
    assert list(found.data[1].x) == ["2030-01-01T05:30:00", "2030-01-01T05:30:00"]
    assert found.data[1].y[0] == "2030-01-01T06:30:00"
    assert found.layout.shapes[0].y0 == "2030-01-01T07:00:00"
    assert found.layout.annotations[0].text == "deadline 2030-01-01 07:00 IST"
    assert found.layout.xaxis.title.text == "time (Asia/Kolkata)"


@pytest.mark.parametrize(("hours", "words"), [(300, "far above"), (0.05, "far below")])
def test_a_deadline_far_away_does_not_flatten_the_fan(hours: float, words: str) -> None:
    points = [said(60 * n, 7200 - 60 * n) for n in range(1, 60)]
    layout = drawn(fan(course(points, hours=hours), UTC)).layout
    assert layout.yaxis.range[0] > "2030-01-01T01:4"
    assert layout.yaxis.range[1] < "2030-01-01T02:4"
    assert layout.shapes == ()
    assert words in layout.annotations[0].text


def test_a_few_first_estimates_of_days_do_not_flatten_the_fan() -> None:
    points = [said(1, 900_000), *(said(60 * n, 7200 - 60 * n) for n in range(1, 60))]
    assert drawn(fan(course(points, hours=2.2), UTC)).layout.yaxis.range[1] < "2030-01-01T03"


@pytest.mark.parametrize(
    ("left", "text"), [(100, "%H:%M:%S"), (7200, "%H:%M"), (86_400, "%a %H:%M"), (1e7, "%d %b"), (1e12, "%b %Y")]
)
def test_times_at_the_axis_are_as_short_as_its_span_allows(left: float, text: str) -> None:
    assert drawn(fan(course([said(0, left)], hours=min(left, 1e7) / 3600), UTC)).layout.yaxis.tickformat == text


@pytest.mark.parametrize(("hours", "words"), [(2, "52 min before"), (1, "8 min after")])
def test_the_finish_is_a_star(hours: float, words: str) -> None:
    figure = fan(course([said(0, 3600)], hours=hours, finished_at=at(4080)), UTC)
    star = drawn(figure).data[-1]
    assert (star.name, star.x, star.y) == ("finished", ("2030-01-01T01:08:00",), ("2030-01-01T01:08:00",))
    assert star.hovertext == f"finished 2030-01-01 01:08 UTC, {words} the deadline"
    assert figure is not None
    assert figure.summary.startswith(f"Finished 2030-01-01 01:08 UTC, {words} the deadline.")


def test_a_paused_job_shows_since_when_there_is_no_estimate() -> None:
    points = [said(0, 3600), said(60, None, reason="the job is paused"), said(120, None, reason="the job is paused")]
    found = drawn(fan(course(points), UTC))
    marks = found.data[-1]
    assert (marks.name, len(marks.x)) == ("no estimate", 2)
    assert marks.hovertext[0].split("<br>")[:3] == [
        "said at 2030-01-01 00:01 UTC", "no estimate", "the job is paused",
    ]  # fmt: skip
    assert set(marks.y) == {found.layout.yaxis.range[0]}


def test_no_tag_of_a_reason_works() -> None:
    for left in (100, None):
        text = str(drawn(fan(course([said(0, 100), said(1, left, reason=HOSTILE)]), UTC)).data)
        assert "<a" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "&lt;a" in text
        assert len(text) < 10_000


def test_an_estimate_of_ages_is_drawn() -> None:
    assert drawn(fan(course([said(0, 1e15)]), UTC)).data[1].y[0].startswith("9000-01-01")
