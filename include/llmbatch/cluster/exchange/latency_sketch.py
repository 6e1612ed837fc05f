"""A histogram of seconds with logarithmic buckets: bounded, mergeable, within 5 % of the true quantile."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

_GROWTH = 1.1
_SMALLEST = 0.001
_BUCKETS = 190
"""From a millisecond to about twenty hours."""


class LatencySketch:
    """Counts by bucket. Bucket ``b`` holds seconds from 0.001 x 1.1^b up to 0.001 x 1.1^(b+1)."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts = Counter(counts or {})

    def add(self, seconds: float) -> None:
        """Count one observation."""
        bucket = int(math.log(max(seconds, _SMALLEST) / _SMALLEST, _GROWTH))
        self._counts[min(bucket, _BUCKETS - 1)] += 1

    @property
    def counts(self) -> dict[int, int]:
        """The counts, for a report."""
        return dict(self._counts)

    @classmethod
    def merged(cls, parts: Iterable[Mapping[int, int]]) -> LatencySketch:
        """Add the counts of several sketches."""
        total: Counter[int] = Counter()
        for part in parts:
            total.update(part)
        return cls(total)

    def quantile(self, q: float) -> float | None:
        """Return the middle of the bucket that holds quantile ``q``; None without observations."""
        total = sum(self._counts.values())
        if not total:
            return None
        rank = max(1, math.ceil(q * total))
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= rank:
                return float(_SMALLEST * _GROWTH ** (bucket + 0.5))
        return None
