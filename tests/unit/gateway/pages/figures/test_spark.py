from __future__ import annotations

from datetime import UTC, datetime, timedelta

import plotly.graph_objects
import pytest

from llmbatch.core.eta.trace import TracePoint
from llmbatch.gateway.pages.figures.spark import MOST_POINTS, rates_of, spark

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def points(*parts: float, seconds: float = 30) -> list[TracePoint]:
    return [TracePoint(at=BEGIN + timedelta(seconds=seconds * n), rows=part) for n, part in enumerate(parts)]


def test_a_rate_is_the_rows_between_two_points_over_their_time() -> None:
    assert rates_of(points(0, 0.6, 0.6), 100) == [(30, pytest.approx(2.0)), (30, 0)]


def test_rows_that_are_taken_back_give_no_rate() -> None:
    assert [rate for _, rate in rates_of(points(0.5, 0.2, 0.5), 100)] == [pytest.approx(1.0)]


def test_two_points_of_one_moment_give_no_rate() -> None:
    assert rates_of(points(0, 0.1, seconds=0), 100) == []


def test_only_the_newest_rates_are_drawn() -> None:
    found = rates_of(points(*(n / 1000 for n in range(500))), 1000)
    assert len(found) == MOST_POINTS


def test_the_line_is_a_figure_with_a_text() -> None:
    made = spark(points(0, 0.3, 0.9), 100)
    assert made is not None
    plotly.graph_objects.Figure(data=list(made.data), layout=made.layout)
    assert made.data[0]["y"] == [1.0, 2.0]
    assert made.summary == "Rows a second in the last 1 min: 1.00 to 2.00, now 2.00."


def test_a_job_that_has_begun_just_now_has_no_line() -> None:
    assert spark([], 100) is None
    assert spark(points(0, 0.3), 100) is None


def test_a_job_that_stands_still_has_a_line_at_zero() -> None:
    made = spark(points(0.5, 0.5, 0.5), 100)
    assert made is not None
    plotly.graph_objects.Figure(data=list(made.data), layout=made.layout)
    assert made.data[0]["y"] == [0, 0]
