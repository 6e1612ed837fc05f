"""A figure as plotly's script takes it, with a text that says the same.

Figures have no colours of a theme: the page adds those of its background, text and grid. The colours here can be told
apart on light and on dark.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue

from llmbatch.core.alerts import Level
from llmbatch.core.shown import shown

BLUE: Final = "#3b82d6"
"""What is, or is most likely."""
BAND: Final = "rgba(59, 130, 214, 0.28)"
"""From P10 to P90."""
GREY: Final = "#8a8f98"
"""What waits, or is over."""
GREEN: Final = "#2f9e6e"
ORANGE: Final = "#cc7a00"
PURPLE: Final = "#9a5fd1"
RED: Final = "#d64545"

LEVEL_COLOURS: Final[Mapping[Level, str]] = {
    Level.OK: GREEN,
    Level.YELLOW: "#c99700",
    Level.RED: RED,
    Level.CRITICAL: "#b0206e",
}

Trace = dict[str, JsonValue]


class Figure(BaseModel):
    """One figure.

    Attributes:
        data: traces of plotly.
        layout: layout of plotly. Sizes are those of the page.
        summary: what the figure shows, in one or two sentences with its numbers, for those who cannot see it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: tuple[Trace, ...]
    layout: dict[str, JsonValue]
    summary: str


class Figures(BaseModel):
    """The figures of a page by name; null for one that has no data yet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    figures: dict[str, Figure | None]


def plain(text: object, most: int = 200) -> str:
    """Return a text from outside as plotly shows it: on one line, and no tag of it works.

    plotly obeys a few tags in each text of a figure: links, line breaks, bold.

    Args:
        text: a reason, an id, a name, a model.
        most: characters that are shown; a longer text is cut, and its length is added.
    """
    return shown(text, most).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def lines(*texts: str) -> str:
    """Return lines of a hover text; empty ones are left out. Each is plain, or of ``plain``.

    Bold text would need a style inside of the page, which its Content-Security-Policy forbids.
    """
    return "<br>".join(text for text in texts if text)


def wrapped(text: object, most: int = 200, width: int = 40) -> str:
    """Return a text from outside as ``plain`` does, on several short lines."""
    return lines(*(plain(line, most) for line in textwrap.wrap(shown(text, most), width)))


def layout(*, x: str = "", y: str = "", is_time: bool = False, **more: JsonValue) -> dict[str, JsonValue]:
    """Return a layout with titles of the axes.

    Args:
        x: title of the horizontal axis.
        y: title of the vertical axis.
        is_time: whether the horizontal axis has times, as ``Zone.stamp`` returns them.
        more: other keys of plotly's layout.
    """
    return {
        "xaxis": {"title": {"text": x}, "type": "date"} if is_time else {"title": {"text": x}},
        "yaxis": {"title": {"text": y}, "rangemode": "tozero"},
        "hovermode": "closest",
        "showlegend": False,
        **more,
    }
