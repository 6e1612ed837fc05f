"""Numbers as text, in the units of Grafana that the dashboards use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")
_SHORT = ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K"))
_SPANS = ((604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a value as a panel shows it."""
    if not math.isfinite(value):
        return "+∞" if value > 0 else "no number"
    if unit.startswith("suffix:"):
        return f"{_plain(value, decimals)}{unit.removeprefix('suffix:')}"
    if unit == "bytes":
        power = min(len(_BINARY) - 1, int(math.log(max(abs(value), 1), 1024)))
        return f"{value / 1024**power:.1f} {_BINARY[power]}"
    texts: Mapping[str, Callable[[], str]] = {
        "percentunit": lambda: f"{value * 100:.{1 if decimals is None else decimals}f} %",
        "percent": lambda: f"{value:.0f} %",
        "s": lambda: _seconds(value, decimals),
        "dtdurations": lambda: _span(value),
        "currencyUSD": lambda: f"${value:.2f}",
        "watt": lambda: f"{value:.0f} W",
        "reqps": lambda: f"{value:.1f} req/s",
        "bool_yes_no": lambda: "yes" if value else "no",
        "dateTimeAsIso": lambda: datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
        "short": lambda: _short(value),
    }
    return texts[unit]() if unit in texts else _plain(value, decimals)


def _seconds(value: float, decimals: int | None) -> str:
    digits = 2 if decimals is None else decimals
    return f"{value:.{digits}f} s" if abs(value) >= 1 else f"{value * 1000:.1f} ms"


def _plain(value: float, decimals: int | None) -> str:
    digits = decimals if decimals is not None else 0 if value == int(value) else 2
    return f"{value:.{digits}f}"


def _short(value: float) -> str:
    for size, name in _SHORT:
        if abs(value) >= size:
            return f"{value / size:.2f}{name}"
    return _plain(value, None)


def _span(value: float) -> str:
    parts: list[str] = []
    left = abs(value)
    for size, name in _SPANS:
        count, left = divmod(left, size)
        if count or (size == 1 and not parts):
            parts.append(f"{count:.0f}{name}")
    return ("-" if value < 0 else "") + " ".join(parts[:2])
