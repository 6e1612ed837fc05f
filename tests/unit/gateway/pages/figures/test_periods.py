from __future__ import annotations

from fakes.sla_figures import period, periods
from llmbatch.gateway.pages.figures.periods import DAY, MOST_DAYS, WEEK, axis, bars, points, shown_periods


def test_many_days_are_shown_as_weeks() -> None:
    days, weeks = periods(MOST_DAYS, 1), periods(5)
    assert shown_periods(days, weeks) == (days, DAY)
    assert shown_periods(periods(MOST_DAYS + 1, 1), weeks) == (weeks, WEEK)


def test_an_axis_has_room_for_its_first_and_last_bar() -> None:
    found = axis(periods(6), WEEK)
    assert found["range"] == ["2030-01-02T02:24:00", "2030-02-15T21:36:00"]
    assert found["tickvals"][:2] == ["2030-01-07", "2030-01-14"]


def test_an_axis_of_one_period_is_as_wide_as_of_five() -> None:
    assert axis((period(),), DAY)["range"] == ["2030-01-04T12:00:00", "2030-01-09T12:00:00"]
    assert axis((period(),), WEEK)["range"] == ["2029-12-20T12:00:00", "2030-01-24T12:00:00"]


def test_an_axis_of_many_periods_chooses_its_own_labels() -> None:
    assert "tickvals" not in axis(periods(9), WEEK)


def test_a_bar_is_narrower_than_its_period() -> None:
    day = 86_400_000
    assert bars((period(),), [1.0], WEEK, "#000000")["width"] == 5 * day
    assert bars((period(),), [1.0], DAY, "#000000")["width"] == 0.7 * day


def test_a_line_goes_on_over_a_period_without_a_value() -> None:
    line = points(periods(3), [1.0, None, 2.0], "#000000", name="n")
    assert (line["y"], line["connectgaps"], line["name"]) == ([1.0, None, 2.0], True, "n")
