"""What the figures over time have in common."""

from __future__ import annotations

from fakes.finished_jobs import NOW
from fakes.job_courses import at, course, drawn, halfway
from llmbatch.core.alerts import Level
from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.manifest import LevelChange
from llmbatch.gateway.pages.figures.course import line_of, time_layout
from llmbatch.gateway.pages.figures.figure import Figure
from llmbatch.gateway.pages.zone import Zone

UTC = Zone()


def point(seconds: float, rows: float = 0.0) -> TracePoint:
    return TracePoint(at=at(seconds), rows=rows)


def test_a_course_ends_with_the_last_that_is_known() -> None:
    assert course().end == NOW
    assert course([point(1)], [point(5)]).end == at(5)
    assert course([point(1)], alerts=(LevelChange(at=at(9), level=Level.RED),)).end == at(9)
    assert course([point(1)], finished_at=at(12)).end == at(12)


def test_a_line_has_a_gap_between_generations_and_where_a_value_is_unknown() -> None:
    found = line_of(
        course([point(0, 0.1), point(1)], [point(9, 0.2)]).generations,
        Zone("Asia/Kolkata"),
        lambda each: each.at,
        lambda each: each.rows or None,
        lambda each, number: f"{each.rows} of {number}",
    )
    assert found.y == [0.1, None, None, 0.2, None]
    assert found.text == ["0.1 of 1", "", "", "0.2 of 2", ""]
    assert found.x[0] == "2030-01-01T05:30:00"
    assert not found.is_empty


def test_figures_over_time_line_up() -> None:
    layout = time_layout(halfway(), UTC, "rows/s")
    axis = layout["xaxis"]
    assert isinstance(axis, dict)
    assert axis["range"] == ["2029-12-31T23:58:30", "2030-01-01T02:34:30"]
    other = time_layout(halfway(), UTC, "replicas", showlegend=True)
    assert (other["xaxis"], other["margin"], other["showlegend"]) == (axis, layout["margin"], True)


def test_restarts_are_marked_and_named_unless_there_are_many() -> None:
    shapes = drawn(Figure(data=(), layout=time_layout(halfway(), UTC, "y"), summary="")).layout
    assert [shape.x0 for shape in shapes.shapes] == ["2030-01-01T01:08:00"]
    assert [note.text for note in shapes.annotations] == ["generation 2"]
    many = time_layout(course(*([point(n)] for n in range(20))), UTC, "y")
    assert (len(many["shapes"]), many["annotations"]) == (19, [])


def test_an_axis_has_a_width_before_anything_happened() -> None:
    axis = time_layout(course(), UTC, "y")["xaxis"]
    assert isinstance(axis, dict)
    assert axis["range"] == ["2029-12-31T23:59:59", "2030-01-01T00:00:10"]
