from __future__ import annotations

from fakes.plotly_figures import valid
from fakes.sla_figures import NO_ACCURACY, accuracy
from llmbatch.gateway.pages.figures.calibration import calibration


def test_observed_shares_are_drawn_over_the_diagonal() -> None:
    found = calibration(accuracy())
    ideal, actual = valid(found).data
    assert (list(ideal.x), list(ideal.y)) == ([0, 100], [0, 100])
    assert (list(actual.x), list(actual.y)) == ([0, 50, 80, 90], [0, 48, 81, 93])
    assert found is not None
    assert "80 %: 81 %" in found.summary


def test_without_a_scored_job_there_is_no_figure() -> None:
    assert calibration(NO_ACCURACY) is None
