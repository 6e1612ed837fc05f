"""A heartbeat with every field filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from llmbatch.core.progress import EtaSeconds, Progress, RowCounts, ShardCounts
from llmbatch.core.states import Phase

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def beat(seconds: float = 0, ended: int = 0, phase: Phase = Phase.WORK, **changes: Any) -> Progress:
    at = NOW + timedelta(seconds=seconds)
    fields: dict[str, Any] = {
        "job_id": "job-1",
        "generation": 1,
        "sequence": 1,
        "phase": phase,
        "written_at": at,
        "started_at": NOW,
        "rows": RowCounts(total=1000, succeeded=ended),
        "shards": ShardCounts(total=10),
        "eta": EtaSeconds(p10=10, p50=20, p90=40),
    }
    return Progress(**{**fields, **changes})
