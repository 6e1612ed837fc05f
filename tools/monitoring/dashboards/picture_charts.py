"""One panel with its data as HTML and SVG: graph, number, dial, bars."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from monitoring.dashboards.picture_values import shown
from monitoring.dashboards.queries import Series

_COLORS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#37872d", "#8ab8ff", "#fade2a", "#c4162a")
_NAMED = {
    "green": "#73bf69", "yellow": "#f2cc0c", "orange": "#ff9830", "red": "#f2495c", "purple": "#b877d9",
    "blue": "#5794f2", "text": "#d8d9da",
}  # fmt: skip

Named = Sequence[tuple[str, Series]]


def named(found: Sequence[tuple[str, Series]]) -> Named:
    """Return series by the name that their legend makes."""

    def name(legend: str, labels: Mapping[str, str]) -> str:
        return re.sub(r"\{\{(\w+)\}\}", lambda label: labels.get(label[1], ""), legend)

    return [(name(legend, series.labels), series) for legend, series in found]


def hues(panel: Mapping[str, Any], found: Named, other: str = "") -> list[str]:
    """Return the colour of each series: its own, else the other one, else the next of the palette."""
    own = {
        rule["matcher"]["options"]: each["value"]["fixedColor"]
        for rule in panel["fieldConfig"]["overrides"]
        for each in rule["properties"]
        if each["id"] == "color"
    }
    return [
        _NAMED.get(own[name], own[name]) if name in own else other or _COLORS[number % len(_COLORS)]
        for number, (name, _) in enumerate(found)
    ]


def graph(panel: Mapping[str, Any], found: Named, width: int, height: int) -> str:
    """Return a graph over time, with axis, target and legend."""
    defaults = panel["fieldConfig"]["defaults"]
    stacked = defaults["custom"].get("stacking", {}).get("mode") == "normal"
    heights = _stack(found) if stacked else [[(at, value) for at, value in series.points] for _, series in found]
    finite = [value for line in heights for _, value in line if math.isfinite(value)]
    target = defaults.get("thresholds", {}).get("steps", [])[1:]
    top: float = defaults.get("max") or max([*finite, *(step["value"] for step in target), 1e-9]) * 1.05
    low = min([0.0, *finite])
    times = [at for line in heights for at, _ in line]
    first, last = min(times), max(times)
    ticks = [low + (top - low) * number / 4 for number in range(5)]
    texts = [shown(tick, defaults["unit"], defaults.get("decimals")) for tick in ticks]
    left, bottom = 14 + 6 * max(map(len, texts)), height - 34

    def x(at: float) -> float:
        return left + (width - left - 8) * (at - first) / ((last - first) or 1)

    def y(value: float) -> float:
        return bottom - (bottom - 6) * (min(value, top) - low) / ((top - low) or 1)

    parts = []
    for value, text in zip(ticks, texts, strict=True):
        parts.append(f'<line x1="{left}" x2="{width - 8}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#333"/>')
        parts.append(f'<text x="{left - 5}" y="{y(value) + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    marks = 4 if width > 400 else 2
    for number in range(marks + 1):
        at = first + (last - first) * number / marks
        clock = datetime.fromtimestamp(at, UTC).strftime("%H:%M")
        parts.append(f'<text x="{min(x(at), width - 24):.0f}" y="{bottom + 14}" text-anchor="middle">{clock}</text>')
    names, colors = [name for name, _ in found], hues(panel, found)
    parts += _fans(panel, names, heights, x, y)
    for number, line in reversed(list(enumerate(heights))):
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in line if math.isfinite(value))
        if stacked and line:
            points = f"{x(line[0][0]):.1f},{bottom} {points} {x(line[-1][0]):.1f},{bottom}"
        fill = f'fill="{colors[number]}" fill-opacity="0.45"' if stacked else 'fill="none"'
        kind = "polygon" if stacked else "polyline"
        parts.append(f'<{kind} points="{points}" stroke="{colors[number]}" stroke-width="1.5" {fill}/>')
    for step in target:
        dashed = f'stroke="#f2495c" stroke-dasharray="6 4" y1="{y(step["value"]):.1f}" y2="{y(step["value"]):.1f}"'
        parts.append(f'<line x1="{left}" x2="{width - 8}" {dashed}/>')
    legend = " ".join(
        f'<tspan fill="{colors[number]}">━ </tspan><tspan>{escape(name or "value")}  </tspan>'
        for number, name in enumerate(dict.fromkeys(names))
    )
    parts.append(f'<text x="8" y="{height - 5}">{legend}</text>')
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def _fans(panel: Mapping[str, Any], names: Sequence[str], lines: Sequence[Any], x: Any, y: Any) -> list[str]:
    parts = []
    for rule in panel["fieldConfig"]["overrides"]:
        lower = next((each["value"] for each in rule["properties"] if each["id"] == "custom.fillBelowTo"), None)
        upper = rule["matcher"]["options"]
        if lower in names and upper in names:
            above, below = lines[names.index(upper)], lines[names.index(lower)]
            points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in [*above, *reversed(below)])
            parts.append(f'<polygon points="{points}" fill="#5794f2" fill-opacity="0.2"/>')
    return parts


def _stack(found: Named) -> list[list[tuple[float, float]]]:
    below: dict[float, float] = {}
    lines = []
    for _, series in found:
        line = [(at, below.get(at, 0.0) + value) for at, value in series.points]
        below |= dict(line)
        lines.append(line)
    return lines


def number(panel: Mapping[str, Any], found: Named, width: int, height: int) -> str:
    """Return the newest value, or the name of the series, in the colour of its threshold, over a small graph."""
    defaults, options = panel["fieldConfig"]["defaults"], panel["options"]
    name, series = found[0]
    value = series.points[-1][1]
    hue = hues(panel, found, color(defaults, value))[0]
    text = name if options.get("textMode") == "name" else shown(value, defaults["unit"], defaults.get("decimals"))
    size = min(34, int(width / max(len(text), 1) * 1.6))
    small = ""
    if options.get("graphMode") == "area" and len(series.points) > 1:
        values = [each for _, each in series.points if math.isfinite(each)] or [0.0]
        low, span = min(values), (max(values) - min(values)) or 1
        points = " ".join(
            f"{width * n / len(values):.1f},{height - 30 * (each - low) / span - 2:.1f}"
            for n, each in enumerate(values)
        )
        small = f'<polyline points="{points}" fill="none" stroke="{hue}" stroke-opacity="0.5"/>'
    return (
        f'<svg width="{width}" height="{height}">{small}<text x="{width / 2}" y="{height / 2 + 4}" '
        f'text-anchor="middle" style="font-size:{size}px;fill:{hue}">{escape(text)}</text></svg>'
    )


def dial(panel: Mapping[str, Any], found: Named, width: int, height: int) -> str:
    """Return a part of a whole as an arc."""
    defaults = panel["fieldConfig"]["defaults"]
    value = found[0][1].points[-1][1]
    radius, middle, base = min(width / 2.4, height - 24), width / 2, height - 12

    def arc(part: float, stroke: str) -> str:
        angle = math.pi * (1 - min(max(part, 0), 1))
        end = f"{middle + radius * math.cos(angle):.1f} {base - radius * math.sin(angle):.1f}"
        path = f"M {middle - radius:.1f} {base} A {radius:.1f} {radius:.1f} 0 0 1 {end}"
        return f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="12"/>'

    text = escape(shown(value, defaults["unit"]))
    label = f'<text x="{middle}" y="{base - 8}" text-anchor="middle" style="font-size:22px">{text}</text>'
    return f'<svg width="{width}" height="{height}">{arc(1, "#333")}{arc(value, "#5794f2")}{label}</svg>'


def bars(panel: Mapping[str, Any], found: Named, width: int, height: int) -> str:
    """Return one bar for each series."""
    unit = panel["fieldConfig"]["defaults"]["unit"]
    most = max(1e-9, *(series.points[-1][1] for _, series in found))
    step = min(34, (height - 8) / len(found))
    parts = []
    for row, (name, series) in enumerate(found):
        value, top = series.points[-1][1], 4 + row * step
        parts.append(
            f'<text x="{width * 0.38:.0f}" y="{top + step / 2 + 4:.1f}" text-anchor="end">{escape(name)}</text>'
        )
        wide = width * 0.4 * value / most
        parts.append(
            f'<rect x="{width * 0.4:.0f}" y="{top:.1f}" width="{wide:.1f}" height="{step * 0.7:.1f}" fill="#5794f2"/>'
        )
        text = escape(shown(value, unit))
        parts.append(f'<text x="{width * 0.41 + wide:.0f}" y="{top + step / 2 + 4:.1f}">{text}</text>')
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def color(defaults: Mapping[str, Any], value: float) -> str:
    """Return the colour of the highest threshold that a value reaches."""
    steps = defaults.get("thresholds", {}).get("steps", [{"color": "text", "value": None}])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return _NAMED[reached[-1]]


def mapped(shape: Mapping[str, Any], text: str) -> str:
    """Return the colour that a column gives a text."""
    colors = shape["mappings"][0]["options"] if "mappings" in shape else {}
    return _NAMED[colors[text]["color"]] if text in colors else _NAMED["text"]
