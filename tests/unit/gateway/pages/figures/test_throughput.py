from __future__ import annotations

from fakes.plotly_figures import valid
from fakes.sla_figures import period, periods
from llmbatch.gateway.pages.figures.periods import MOST_DAYS
from llmbatch.gateway.pages.figures.throughput import throughput


def test_tokens_and_rows_have_a_panel_each() -> None:
    found = throughput((period(), period(tokens_per_second=None)), ())
    tokens, rows = valid(found).data
    assert (list(tokens.y), list(rows.y), rows.yaxis) == ([250, None], [2.5, 2.5], "y2")
    assert found is not None
    assert "250 to 250 output tokens a second, last 250; 2.5 to 2.5 rows a second, last 2.5." in found.summary


def test_many_days_are_drawn_as_weeks() -> None:
    tokens, _ = valid(throughput(periods(MOST_DAYS + 1, 1), periods(5))).data
    assert len(tokens.x) == 5


def test_a_unit_without_a_number_is_not_told() -> None:
    found = throughput((period(tokens_per_second=None),), ())
    assert found is not None
    assert "token" not in found.summary


def test_without_a_timed_job_there_is_no_figure() -> None:
    assert throughput((), ()) is None
    assert throughput((period(tokens_per_second=None, rows_per_second=None),), ()) is None
