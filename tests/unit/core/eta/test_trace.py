"""The point that is kept of a heartbeat."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmbatch.core.eta.trace import LONGEST_REASON, EstimateTrace, TracePoint
from llmbatch.core.progress import EtaSeconds, Latency, Progress, Rates, Replicas, RowCounts, ShardCounts
from llmbatch.core.states import Phase
from llmbatch.core.stored import read_document

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def beat(**changes: object) -> Progress:
    given = {
        "job_id": "job-1", "generation": 1, "sequence": 1, "phase": Phase.WORK, "written_at": NOW, "started_at": NOW,
        "rows": RowCounts(total=200, succeeded=47, failed=3, running=20), "shards": ShardCounts(), **changes,
    }  # fmt: skip
    return Progress.model_validate(given)


def test_a_point_says_what_was_estimated_and_why() -> None:
    found = TracePoint.of(
        beat(
            eta=EtaSeconds(p10=80, p50=90, p90=120),
            eta_reason="ETA 90 s (80 to 120 s): work 88 s; answers of 100 tokens: long ones",
            rates=Rates(output_tokens_per_second=5.0, recent_output_tokens_per_second=7.123456),
            latency=Latency(p50=1.0, p95=2.34567),
            replicas=Replicas(live=2),
            work_progress=0.3,
        ),
        predicted=91.234,
    )
    assert found.model_dump() == {
        "at": NOW, "rows": 0.25, "work": 0.3, "seconds": (80, 90, 120), "predicted": 91.23, "replicas": 2,
        "reason": "work 88 s; answers of 100 tokens: long ones", "output_tokens_per_second": 7.12,
        "latency_p95": 2.346, "failed": 3, "running": 20,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ETA unknown: the job is paused", "the job is paused"),
        ("paused: by a user", "paused: by a user"),
        ("ETA alone", "ETA alone"),
        ("", ""),
        ("x" * 5000, "x" * LONGEST_REASON),
    ],
)
def test_a_reason_is_kept_without_its_numbers_and_not_at_any_length(written: str, kept: str) -> None:
    assert TracePoint.of(beat(eta_reason=written)).reason == kept


def test_a_job_that_is_over_writes_no_tokens_and_an_unknown_number_stays_unknown() -> None:
    rates = Rates(output_tokens_per_second=5.0)
    assert TracePoint.of(beat(rates=rates)).output_tokens_per_second == 5
    assert TracePoint.of(beat(rates=rates, phase=Phase.DONE)).output_tokens_per_second is None
    found = TracePoint.of(beat(rows=RowCounts()))
    assert (found.rows, found.seconds, found.latency_p95, found.output_tokens_per_second) == (0, None, None, None)


def test_a_trace_of_an_earlier_release_is_readable() -> None:
    body = b'{"job_id": "j", "generation": 1, "points": [{"at": "2030-01-01T00:00:00Z", "rows": 0.5}]}'
    point = read_document(EstimateTrace, body).points[0]
    assert (point.reason, point.failed, point.running) == ("", None, None)
