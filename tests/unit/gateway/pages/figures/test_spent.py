from __future__ import annotations

from fakes.plotly_figures import valid
from fakes.sla_figures import period
from llmbatch.gateway.pages.figures.spent import spent


def test_hours_and_dollars_have_a_panel_each() -> None:
    found = spent((period(), period(usd=None)), ())
    drawn = valid(found)
    hours, usd = drawn.data
    assert (list(hours.y), list(usd.y), usd.yaxis) == ([8, 8], [20, None], "y2")
    assert drawn.layout.yaxis.domain[0] > drawn.layout.yaxis2.domain[1]
    assert found is not None
    assert "16.00 GPU hours; 20.00 US dollars" in found.summary


def test_without_a_price_hours_have_the_whole_figure() -> None:
    drawn = valid(spent((period(usd=None),), ()))
    assert (len(drawn.data), drawn.layout.yaxis.domain) == (1, (0, 1))


def test_dollars_alone_have_the_whole_figure() -> None:
    drawn = valid(spent((period(gpu_hours=0.0),), ()))
    assert (drawn.data[0].yaxis, drawn.layout.yaxis.title.text) == ("y", "US dollars")


def test_on_cpus_without_a_price_there_is_no_figure() -> None:
    assert spent((period(gpu_hours=0.0, usd=None),), ()) is None
    assert spent((), ()) is None
