"""Progress lines."""

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.progress import EtaSeconds, EtaState, Progress, Rates, Replicas, RowCounts, ShardCounts
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


def test_the_live_rate_goes_before_the_rate_of_answered_rows():
    line = progress(rates=Rates(output_tokens_per_second=0.0, recent_output_tokens_per_second=41.6)).line()
    assert "running=20 waiting=130 " in line
    assert "output_tokens_per_s=42 " in line


def test_no_answer_yet_is_no_rate_of_zero():
    assert "output_tokens_per_s=? " in progress(rates=Rates(output_tokens_per_second=0.0)).line()
    assert "output_tokens_per_s=0 " in progress(rates=Rates(recent_output_tokens_per_second=0.0)).line()


def test_an_empty_job_is_at_zero_percent():
    assert progress(rows=RowCounts()).percent == 0.0


def test_round_trip_through_json():
    one = progress()
    assert Progress.model_validate_json(one.model_dump_json()) == one


def test_a_long_interval_is_shown_in_units_for_people():
    line = progress(eta=EtaSeconds(p10=59.6, p50=200, p90=7503)).line()
    assert "eta=3m20s (p10 1m00s, p90 2h05m)" in line


def test_a_stalled_job_says_so():
    assert progress(eta_state=EtaState.STALLED).line().endswith("eta=stalled")


@pytest.mark.parametrize("seconds", [90.0, 0.0, -1.0])
def test_the_age_counts_from_the_heartbeat(seconds: float) -> None:
    assert progress().age(NOW + timedelta(seconds=seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "left"), [(0, (10, 20, 40)), (15, (0, 5, 25)), (100, (0, 0, 0)), (-5, (15, 25, 45))]
)
def test_an_eta_shrinks_as_its_heartbeat_ages_and_is_never_negative(
    seconds: float, left: tuple[float, float, float]
) -> None:
    aged = EtaSeconds(p10=10, p50=20, p90=40).aged(seconds)
    assert (aged.p10, aged.p50, aged.p90) == left
