from __future__ import annotations

from fakes.plotly_figures import valid
from fakes.sla_figures import NO_ACCURACY, accuracy
from llmbatch.gateway.pages.figures.error_by_progress import error_by_progress


def test_medians_stand_beside_their_goals() -> None:
    found = error_by_progress(accuracy(), {"25": 10.0, "50": 5.0})
    medians, goals = valid(found).data
    assert (list(medians.x), list(medians.y)) == (["10 %", "25 %", "50 %", "75 %", "90 %"], [12, 9, 6, 4, 5])
    assert list(medians.customdata) == [24, 18, 12, 8, 10]
    assert (list(goals.x), list(goals.y)) == (["25 %", "50 %"], [10, 5])
    assert found is not None
    assert "at 25 % of the rows 9.0 %, goal 10 %; at 50 % of the rows 6.0 %, goal 5 %; at 75 %" in found.summary


def test_a_goal_is_inside_of_the_figure_also_if_all_errors_are_small() -> None:
    found = error_by_progress(accuracy(median_error_pct={"25": 1.0}, error_pct={"25": 1.0}), {"25": 10.0, "50": 5.0})
    assert valid(found).layout.yaxis.range[1] > 10


def test_errors_of_zero_have_an_axis() -> None:
    found = error_by_progress(accuracy(median_error_pct={"75": 0.0}, error_pct={"75": 0.0}), {})
    assert valid(found).layout.yaxis.range == (0, 1)


def test_without_a_scored_job_there_is_no_figure() -> None:
    assert error_by_progress(NO_ACCURACY, {}) is None
