from __future__ import annotations

from fakes.sla_figures import period, periods
from llmbatch.gateway.pages.figures.periods import DAY, MOST_DAYS, WEEK, axis, bars, points, shown_periods


def test_many_days_are_shown_as_weeks() -> None:
    days, weeks = periods(MOST_DAYS, 1), periods(5)
    assert shown_periods(days, weeks) == (days, DAY)
    assert shown_periods(periods(MOST_DAYS + 1, 1), weeks) == (weeks, WEEK)


def test_an_axis_has_room_for_its_first_and_last_bar() -> None:
    found = axis(periods(2), WEEK)
    assert found["range"] == ["2030-01-03T12:00:00", "2030-01-17T12:00:00"]
    assert found["tickvals"] == ["2030-01-07", "2030-01-14"]
    assert axis((period(),), DAY)["range"] == ["2030-01-06T07:12:00", "2030-01-07T16:48:00"]


def test_an_axis_of_many_periods_chooses_its_own_labels() -> None:
    assert "tickvals" not in axis(periods(9), WEEK)


def test_a_bar_is_narrower_than_its_period() -> None:
    day = 86_400_000
    assert bars((period(),), [1.0], WEEK, "#000000")["width"] == 5 * day
    assert bars((period(),), [1.0], DAY, "#000000")["width"] == 0.7 * day


def test_a_line_goes_on_over_a_period_without_a_value() -> None:
    line = points(periods(3), [1.0, None, 2.0], "#000000", name="n")
    assert (line["y"], line["connectgaps"], line["name"]) == ([1.0, None, 2.0], True, "n")
