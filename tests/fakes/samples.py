"""Series with a value for each moment, for a Prometheus that has seen no pipeline."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

SECONDS = 3 * 3600
STEP = 15


@dataclass(frozen=True)
class Sample:
    """One series.

    Attributes:
        name: of the metric.
        labels: of the series.
        at: its value, by seconds since the first sample; None: no sample then.
    """

    name: str
    labels: tuple[tuple[str, str], ...]
    at: Callable[[float], float | None]

    def lines(self, end: float) -> list[str]:
        text = ",".join(f'{key}="{value}"' for key, value in self.labels)
        start = int(end) - SECONDS
        moments = ((second, self.at(second)) for second in range(0, SECONDS + 1, STEP))
        return [f"{self.name}{{{text}}} {value!r} {start + second}" for second, value in moments if value is not None]


def series(name: str, at: Callable[[float], float | None] | float, **labels: str) -> Sample:
    return Sample(name, tuple(labels.items()), at if callable(at) else lambda _: float(at))


def open_metrics(samples: Iterable[Sample], end: float) -> str:
    """Return the samples of the time before ``end``, Unix time, for ``promtool tsdb create-blocks-from``."""
    lines = [line for sample in sorted(samples, key=lambda sample: sample.name) for line in sample.lines(end)]
    return "\n".join([*lines, "# EOF\n"])


def wave(level: float, swing: float, minutes: float = 20) -> Callable[[float], float]:
    """A level that swings, for rates and utilisations."""
    return lambda second: level + swing * math.sin(second / 60 / minutes * 2 * math.pi)


def grows(rate: float, first: float = 0, start: float = 0) -> Callable[[float], float | None]:
    """A counter that begins at ``start`` with ``first`` and grows by ``rate`` a second."""
    return lambda second: None if second < start else first + rate * (second - start)


def steps(*moments: float, amount: float = 1) -> Callable[[float], float | None]:
    """A counter of events, which begins with its first event."""

    def at(second: float) -> float | None:
        count = sum(moment <= second for moment in moments)
        return count * amount if count else None

    return at
