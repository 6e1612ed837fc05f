"""Progress lines and the first ETA."""

from datetime import UTC, datetime

from llmbatch.core.eta.by_chars import estimate
from llmbatch.core.progress import EtaSeconds, Progress, Rates, Replicas, RowCounts, ShardCounts
from llmbatch.core.states import Phase

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def progress(**changes):
    base = {
        "job_id": "job-1", "generation": 1, "sequence": 3, "phase": Phase.WORK, "written_at": NOW, "started_at": NOW,
        "rows": RowCounts(total=200, succeeded=45, failed=5, running=20), "shards": ShardCounts(total=4, committed=1),
    }  # fmt: skip
    return Progress(**(base | changes))


def test_unknown_numbers_are_shown_as_unknown():
    line = progress().line()
    assert "rows=50/200 (25.0%)" in line
    assert "eta=unknown" in line
    assert "rows_per_s=?" in line


def test_known_numbers_are_shown():
    line = progress(
        eta=EtaSeconds(p10=10, p50=20, p90=40),
        rates=Rates(rows_per_second=2.5, output_tokens_per_second=100),
        replicas=Replicas(live=1, wanted=2),
    ).line()
    assert "eta=20s (p10 10s, p90 40s)" in line
    assert "rows_per_s=2.50 output_tokens_per_s=100 replicas=1/2" in line


def test_an_empty_job_is_at_zero_percent():
    assert progress(rows=RowCounts()).percent == 0.0


def test_round_trip_through_json():
    one = progress()
    assert Progress.model_validate_json(one.model_dump_json()) == one


def test_eta_worked_example_and_interval():
    eta = estimate(200, 100, 1000, 50.0)
    assert eta is not None
    assert eta.p50 == 150.0
    assert eta.p10 < eta.p50 < eta.p90


def test_rows_in_flight_widen_the_interval():
    """The first answers of a full window say little: the first of 320 rows ended after 5 s, the job after 22 s."""
    eta = estimate(5, 315, 320, 5.0)
    assert eta is not None
    assert eta.p10 < 17 < eta.p90


def test_eta_is_unknown_without_evidence():
    assert estimate(0, 500, 1000, 50.0) is None
    assert estimate(10, 0, 0, 50.0) is None
    assert estimate(10, 0, 100, 0.0) is None


def test_eta_of_finished_work_is_now():
    assert estimate(1000, 0, 1000, 50.0) == EtaSeconds(p10=0, p50=0, p90=0)
