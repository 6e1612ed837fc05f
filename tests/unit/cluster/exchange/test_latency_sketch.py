"""Quantiles from logarithmic buckets."""

from __future__ import annotations

import pytest

from llmbatch.cluster.exchange.latency_sketch import LatencySketch


@pytest.mark.parametrize("seconds", [0.0004, 0.01, 1.0, 49.9, 3600.0])
def test_sketch_is_within_ten_percent(seconds: float) -> None:
    sketch = LatencySketch()
    sketch.add(seconds)
    assert sketch.quantile(0.5) == pytest.approx(max(seconds, 0.001), rel=0.1)


def test_sketch_quantiles_merge_and_are_unknown_when_empty() -> None:
    assert LatencySketch().quantile(0.5) is None
    low, high = LatencySketch(), LatencySketch()
    for _ in range(95):
        low.add(1.0)
    for _ in range(5):
        high.add(100.0)
    merged = LatencySketch.merged([low.counts, high.counts])
    assert merged.quantile(0.95) == pytest.approx(1.0, rel=0.1)
    assert merged.quantile(0.96) == pytest.approx(100.0, rel=0.1)
    high.add(1e9)
    assert len(high.counts) == 2
