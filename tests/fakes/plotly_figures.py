"""Figures as plotly's own Python package understands them. It refuses what its script would ignore."""

from __future__ import annotations

from plotly.graph_objects import Figure as PlotlyFigure

from llmbatch.gateway.pages.figures.figure import Figure


def valid(figure: Figure | None) -> PlotlyFigure:
    """Return the figure. Raises ``ValueError`` for a key or a value that plotly does not know."""
    assert figure is not None
    assert figure.summary.endswith(".")
    return PlotlyFigure(data=list(figure.data), layout=figure.layout)
