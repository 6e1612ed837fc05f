"""How many replicas keep a deadline."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmbatch.core.eta.replicas import replicas_needed
from llmbatch.core.progress import EtaSeconds, Latency, Progress, Replicas, RowCounts, ShardCounts
from llmbatch.core.states import Phase

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def progress(p90: float | None, live: int = 2, p95: float | None = 10, start: float = 20, shards: int = 90) -> Progress:
    return Progress(
        job_id="j", generation=1, sequence=1, phase=Phase.WORK, written_at=NOW, started_at=NOW, rows=RowCounts(),
        shards=ShardCounts(total=100, committed=100 - shards), replicas=Replicas(live=live, wanted=live),
        latency=Latency(p50=p95, p95=p95), eta=None if p90 is None else EtaSeconds(p10=1, p50=2, p90=p90),
        seconds_phase={"model_load": start},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "left", "most", "needed"),
    [
        (progress(110), 75, 9, 4),  # the docstring's example
        (progress(110), 83, 9, 4),
        (progress(110), 84, 9, 3),
        (progress(110), 75, 3, None),
        (progress(110), 110, 9, 2),  # as it is
        (progress(110), 210, 9, 1),  # fewer would do
        (progress(110), 30, 999, None),  # engine start and tail alone take as long
        (progress(110, p95=200), 109, 999, None),  # all of it is tail
        (progress(110, start=300), 109, 999, None),  # they would come too late
        (progress(110, live=1, start=0, p95=None), 55, 9, 2),
        (progress(110, live=0, start=0, p95=None), 55, 9, 2),  # none live yet: the estimate is for one
        (progress(110, live=1, start=0, p95=0, shards=3), 40, 9, 3),
        (progress(110, live=1, start=0, p95=0, shards=3), 30, 9, None),  # three shards keep three busy
        (progress(None), 1e9, 9, None),
        (progress(110), -5, 9, None),
    ],
)
def test_the_smallest_number_that_is_enough(seen: Progress, left: float, most: int, needed: int | None) -> None:
    assert replicas_needed(seen, left, most) == needed
