"""Durations as text: with words for a person's message, without spaces for a log line or a table."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a duration for a message, with two units at most: 4210 s is ``1 h 10 min``, 59 s is ``59 s``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 and whole % 60 else f"{round(whole / 60)} min"
    minutes = round(whole / 60)
    days, hours = divmod(minutes // 60, 24)
    first, second = (f"{days} d", f"{hours} h") if days else (f"{hours} h", f"{minutes % 60} min")
    return first if second.startswith("0 ") else f"{first} {second}"


def span(seconds: float) -> str:
    """Return a duration for a log line, with two units at most: 42s, 3m20s, 2h05m, 3d04h."""
    whole = round(seconds)
    for unit, size, below, part in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // part:02d}{below}"
    return f"{whole}s"
