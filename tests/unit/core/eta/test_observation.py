"""What the ETA model takes from a heartbeat."""

from __future__ import annotations

from datetime import UTC, datetime

from fakes.length_cells import cell
from llmbatch.core.eta.observation import observation_of
from llmbatch.core.progress import (
    Flight,
    Latency,
    Progress,
    Replicas,
    ReplicaShare,
    RowCounts,
    ShardCounts,
    TokenCounts,
)
from llmbatch.core.states import Phase

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def progress(**changes: object) -> Progress:
    fields = {
        "job_id": "job-1", "generation": 2, "sequence": 7, "phase": Phase.WORK, "written_at": NOW, "started_at": NOW,
        "rows": RowCounts(total=999, succeeded=9), "shards": ShardCounts(total=1),
    }  # fmt: skip
    return Progress.model_validate(fields | changes)


def test_every_field_comes_from_its_place_in_the_heartbeat() -> None:
    seen = observation_of(
        progress(
            seconds_phase={"model_load": 60.0, "work": 30.0}, latency=Latency(p50=4, p95=12),
            replicas=Replicas(live=2, wanted=3), shares=(ReplicaShare(left=5),), flight=Flight(tokens=40, chars=900),
            tokens=TokenCounts(completion=100, generated=140), paused=True,
        )
    )  # fmt: skip
    assert (seen.at, seen.generation, seen.phase, seen.phase_seconds) == (NOW.timestamp(), 2, Phase.WORK, 30.0)
    assert (seen.row_p95, seen.live, seen.wanted, seen.shares) == (12, 2, 3, (ReplicaShare(left=5),))
    assert (seen.flight, seen.generated, seen.paused) == (Flight(tokens=40, chars=900), 140, True)


def test_rows_are_those_of_the_length_cells_and_not_of_the_job() -> None:
    cells = (cell(20, 100, ended=50, answered=48, running=8), cell(22, 10, ended=1, answered=1, running=2))
    seen = observation_of(progress(lengths=cells))
    assert (seen.rows, seen.ended, seen.answered, seen.running) == (110, 51, 49, 10)


def test_a_heartbeat_that_reports_less_leaves_the_rest_unknown() -> None:
    seen = observation_of(progress())
    assert (seen.phase_seconds, seen.row_p95, seen.flight, seen.generated) == (0.0, None, None, None)
    assert (seen.cells, seen.rows, seen.shares) == ((), 0, ())
