from __future__ import annotations

from fakes.plotly_figures import valid
from fakes.sla_figures import period, periods
from llmbatch.gateway.pages.figures.attainment import attainment


def test_each_week_has_its_jobs_that_met_and_missed_their_deadline() -> None:
    found = attainment((period(jobs=4, met=3), period(jobs=2, met=2)))
    drawn = valid(found)
    met, missed, shares = drawn.data
    assert (list(met.y), list(missed.y), list(shares.text)) == ([3, 2], [1, 0], ["75 %", "100 %"])
    assert found is not None
    assert "07 Jan 2030: 3 of 4; 07 Jan 2030: 2 of 2." in found.summary


def test_many_weeks_have_no_labels_and_a_summary_of_the_last_ones() -> None:
    found = attainment(periods(20))
    assert len(valid(found).data) == 2
    assert found is not None
    assert found.summary.count(" of 4") == 8
    assert "last 8 weeks" in found.summary


def test_without_a_job_there_is_no_figure() -> None:
    assert attainment(()) is None
