"""The part of SVG that the charts need: scales, axes, lines, bands. Colours are the page's classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmbatch.orchestrator.sla_report.markup import Element, joined, number, tag

Point = tuple[float, float]
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 16.0, 14.0, 44.0


@dataclass(frozen=True)
class Frame:
    """A plot of ``width`` x ``height`` pixels that shows ``x`` and ``y`` from low to high."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float = 560.0
    height: float = 260.0

    @property
    def right(self) -> float:
        """Pixel of the highest x."""
        return self.width - _RIGHT

    @property
    def floor(self) -> float:
        """Pixel of the lowest y."""
        return self.height - _BOTTOM

    def at(self, x: float, y: float) -> Point:
        """Return the pixel of a value; y values outside of the frame are moved to its edge."""
        low, high = self.x
        across = _LEFT + (x - low) / ((high - low) or 1.0) * (self.right - _LEFT)
        low, high = self.y
        share = min(1.0, max(0.0, (y - low) / ((high - low) or 1.0)))
        return across, self.floor - share * (self.floor - _TOP)

    def line(self, points: Sequence[Point], class_: str) -> Element:
        """Return a line through values."""
        return tag("polyline", points=_pixels(self.at(*point) for point in points), class_=class_)

    def band(self, points: Sequence[tuple[float, float, float]], class_: str) -> Element:
        """Return the area between two lines, given as x, lower y, upper y."""
        edge = [self.at(x, upper) for x, _, upper in points] + [self.at(x, lower) for x, lower, _ in reversed(points)]
        return tag("polygon", points=_pixels(edge), class_=class_)

    def level(self, y: float, class_: str) -> Element:
        """Return a horizontal line."""
        return self.line([(self.x[0], y), (self.x[1], y)], class_)

    def dot(self, x: float, y: float, title: str, class_: str = "dot") -> Element:
        """Return a point with the tooltip ``title``."""
        cx, cy = self.at(x, y)
        return tag("circle", tag("title", title), cx=cx, cy=cy, r=4, class_=class_)

    def bar(self, x: float, low: float, high: float, title: str, class_: str, width: float) -> Element:
        """Return a column around ``x``, ``width`` pixels wide."""
        left, top = self.at(x, high)
        return tag(
            "rect",
            tag("title", title),
            x=left - width / 2,
            y=top,
            width=width,
            height=max(0.0, self.at(x, low)[1] - top),
            class_=class_,
        )

    def note(self, x: float, y: float, text: str, *, above: float = 6, anchor: str = "middle") -> Element:
        """Return a text over a value."""
        left, top = self.at(x, y)
        return tag("text", text, x=left, y=top - above, text_anchor=anchor, class_="note")

    def grid(self, x_title: str, y_title: str, x_ticks: Sequence[tuple[float, str]] | None = None) -> Element:
        """Return grid lines, tick labels and titles of both axes."""
        parts = []
        for value in ticks(*self.y):
            _, top = self.at(self.x[0], value)
            parts.append(self.level(value, "grid"))
            parts.append(tag("text", label(value), x=_LEFT - 8, y=top + 4, text_anchor="end", class_="tick"))
        for value, text in x_ticks if x_ticks is not None else [(each, label(each)) for each in ticks(*self.x)]:
            left, _ = self.at(value, self.y[0])
            parts.append(tag("text", text, x=left, y=self.floor + 16, text_anchor="middle", class_="tick"))
        middle = (_LEFT + self.right) / 2
        parts.append(tag("text", x_title, x=middle, y=self.height - 8, text_anchor="middle", class_="axis"))
        centre = (self.floor + _TOP) / 2
        turned = f"rotate(-90 14 {number(centre)})"
        parts.append(tag("text", y_title, x=14, y=centre, text_anchor="middle", transform=turned, class_="axis"))
        return joined(*parts)

    def chart(self, key: str, title: str, text: str, *parts: Element) -> Element:
        """Return the whole drawing, with a title and a description for screen readers."""
        return tag(
            "svg",
            tag("title", title, id=f"{key}-title"),
            tag("desc", text, id=f"{key}-desc"),
            *parts,
            viewBox=f"0 0 {number(self.width)} {number(self.height)}",
            role="img",
            aria_labelledby=f"{key}-title {key}-desc",
        )


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round values from low to high. 0 to 7.3 gives 0, 2, 4, 6."""
    span = high - low
    if span <= 0:
        return [low]
    step = 10.0 ** math.floor(math.log10(span / about))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= about)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def ceiling(values: Sequence[float], least: float = 1.0) -> float:
    """Return the end of an axis from 0: 12 % above the largest value."""
    return max([least, *(1.12 * value for value in values)])


def label(value: float) -> str:
    """Return a short number: 1.2k, 3M, 0.05."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{number(value / size, 1)}{unit}"
    return number(value, 3 if abs(value) < 1 else 1)


def _pixels(points: Iterable[Point]) -> str:
    return " ".join(f"{number(x, 1)},{number(y, 1)}" for x, y in points)
