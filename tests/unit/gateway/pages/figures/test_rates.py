"""Throughput and latency over time."""

from __future__ import annotations

import pytest

from fakes.job_courses import at, course, drawn, halfway
from llmbatch.core.eta.trace import TracePoint
from llmbatch.gateway.pages.figures.rates import latency, rates
from llmbatch.gateway.pages.zone import Zone

UTC = Zone()


def seen(seconds: float, rows: float, tokens: float | None = None, **changes: object) -> TracePoint:
    given = {"at": at(seconds), "rows": rows, "output_tokens_per_second": tokens, **changes}
    return TracePoint.model_validate(given)


def test_without_two_estimates_of_a_generation_there_is_no_rate() -> None:
    assert rates(course(), UTC) is None
    assert rates(course([seen(0, 0.5, 9.0)]), UTC) is None
    assert rates(course([seen(0, 0.1)], [seen(60, 0.2)]), UTC) is None
    assert rates(course([seen(0, 0.1), seen(60, 0.2)], rows=0), UTC) is None


def test_rates_are_of_the_time_between_two_estimates() -> None:
    points = [seen(0, 0.0, 5.0), seen(100, 0.1, 20.0), seen(200, 0.4, 60.0, running=1234, failed=7)]
    figure = rates(course(points), UTC)
    rows, tokens = drawn(figure).data
    assert list(rows.x) == ["2030-01-01T00:00:50", "2030-01-01T00:02:30", "2030-01-01T00:02:30"]
    assert list(rows.y) == [1, 3, None]
    assert list(tokens.y) == [20, 60, None]
    assert (rows.yaxis, tokens.yaxis) == (None, "y2")
    assert rows.hovertext[1].split("<br>")[1:] == [
        "3 rows/s", "60 output tokens/s", "1,234 rows in engines, 40.0 % done", "7 rows failed so far", "generation 1",
    ]  # fmt: skip
    assert figure is not None
    assert figure.summary == ("3 rows/s at last, 3 rows/s at most; 60 output tokens/s at last, 60 at most.")


def test_rows_that_run_again_are_no_negative_rate() -> None:
    assert list(drawn(rates(course([seen(0, 0.5), seen(100, 0.4), seen(200, 0.5)]), UTC)).data[0].y) == [0, 1, None]


def test_between_generations_there_is_a_gap_and_a_line() -> None:
    found = drawn(rates(halfway(), Zone("Asia/Kolkata")))
    assert list(found.data[0].y).index(None) < 40
    assert list(found.data[0].y).count(None) == 2
    assert found.layout.shapes[0].x0 == "2030-01-01T06:38:00"
    assert found.layout.yaxis2.title.text == "output tokens/s"


def test_an_earlier_release_recorded_no_tokens() -> None:
    found = drawn(rates(course([seen(0, 0.0), seen(100, 0.1)]), UTC))
    assert [trace.name for trace in found.data] == ["rows/s"]
    assert "yaxis2" not in found.layout.to_plotly_json()


@pytest.mark.parametrize(("beats", "seconds"), [(240, 2.0), (240, 600.0), (5, 1.0)])
def test_many_estimates_are_summed_to_steps_that_lose_no_row(beats: int, seconds: float) -> None:
    points = [seen(seconds * n, n / (beats - 1), 10.0) for n in range(beats)]
    line = drawn(rates(course(points), UTC)).data[0]
    assert 2 <= len(line.y) - 1 <= 81
    assert [value for value in line.y if value is not None] == pytest.approx(
        [1000 / (seconds * (beats - 1))] * (len(line.y) - 1), rel=0.001
    )


def test_two_estimates_of_one_time_are_no_rate() -> None:
    assert rates(course([seen(0, 0.0), seen(0, 0.5)]), UTC) is None


def test_latency_is_that_of_the_estimates_that_have_one() -> None:
    assert latency(course([seen(0, 0.1)]), UTC) is None
    figure = latency(course([seen(0, 0.1), seen(9, 0.2, latency_p95=2.5)], [seen(20, 0.2, latency_p95=1.25)]), UTC)
    found = drawn(figure).data[0]
    assert list(found.y) == [None, 2.5, None, 1.25, None]
    assert found.hovertext[1] == "2030-01-01 00:00 UTC<br>P95 2.5 s of the rows so far<br>generation 1"
    assert figure is not None
    assert figure.summary == "Latency P95 of the rows of a generation so far: 1.25 s at last, 2.5 s at most."
