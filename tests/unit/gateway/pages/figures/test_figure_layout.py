"""Figures as plotly takes them."""

from __future__ import annotations

import re

import plotly.graph_objects as go
import pytest
from pydantic import ValidationError

from llmbatch.core.alerts import Level
from llmbatch.gateway.pages.figures import figure
from llmbatch.gateway.pages.figures.figure import LEVEL_COLOURS, Figure, Figures, layout


def test_a_layout_is_one_of_plotly() -> None:
    found = layout(x="hours", y="rows/s", is_time=True, showlegend=True, barmode="stack")
    go.Figure(layout=found)
    assert found["xaxis"] == {"title": {"text": "hours"}, "type": "date"}
    assert found["yaxis"] == {"title": {"text": "rows/s"}, "rangemode": "tozero"}
    assert (found["showlegend"], found["barmode"]) == (True, "stack")


def test_an_axis_is_of_time_only_where_it_is_said() -> None:
    assert layout(x="share")["xaxis"] == {"title": {"text": "share"}}


def test_every_level_has_a_colour_of_its_own() -> None:
    assert set(LEVEL_COLOURS) == set(Level)
    assert len(set(LEVEL_COLOURS.values())) == len(Level)


def test_colours_are_colours() -> None:
    named = [value for name, value in vars(figure).items() if name.isupper() and isinstance(value, str)]
    assert len(named) > 5
    assert [one for one in (*named, *LEVEL_COLOURS.values()) if not re.match(r"#[0-9a-f]{6}$|rgba\(", one)] == []


def test_a_figure_has_a_text_that_says_the_same() -> None:
    with pytest.raises(ValidationError, match="summary"):
        Figure.model_validate({"data": [], "layout": {}})


def test_figures_without_data_are_null() -> None:
    one = Figure(data=({"type": "scatter", "x": [1], "y": [2]},), layout=layout(), summary="One point.")
    answer = Figures(figures={"eta": one, "latency": None}).model_dump(mode="json")
    assert answer["figures"]["latency"] is None
    assert answer["figures"]["eta"]["summary"] == "One point."
