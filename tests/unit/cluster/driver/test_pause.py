"""A pause holds as long as the job that requested it lives; no job stays paused for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fakes.proofs import put_proof
from llmbatch.cluster.driver.pause import LOOK_SECONDS, SILENT_SECONDS, Pause
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control
from llmbatch.core.errors import StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PAUSER = JobLayout("s3://b/jobs/job-1")
PAUSED = Control(paused=True, paused_by=PAUSER.root)


class Bench:
    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), ManualClock(NOW)
        self.pause = Pause(JobContext("job-2", 1, JobLayout("s3://b/jobs/job-2"), self.store, self.clock))
        self.sequence = 0

    def beat(self, phase: Phase = Phase.WORK) -> None:
        self.sequence += 1
        progress = Progress(
            job_id="job-1", generation=1, sequence=self.sequence, phase=phase, written_at=NOW, started_at=NOW,
            rows={}, shards={},
        )  # fmt: skip
        self.store.put(PAUSER.progress, progress.model_dump_json().encode())

    def holds(self, after: float = LOOK_SECONDS) -> bool:
        self.clock.advance(after)
        return self.pause.holds(PAUSED)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_persons_pause_holds_until_taken_back(bench: Bench) -> None:
    assert not bench.pause.holds(Control())
    assert bench.pause.holds(Control(paused=True))
    bench.clock.advance(10 * SILENT_SECONDS)
    assert bench.pause.holds(Control(paused=True))


def test_a_jobs_pause_holds_while_it_beats(bench: Bench) -> None:
    for _ in range(100):
        bench.beat()
        assert bench.holds()


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.DRAINED, Phase.CANCELLED, Phase.FAILED])
def test_a_jobs_pause_ends_with_its_generation_and_begins_again_with_the_next(bench: Bench, phase: Phase) -> None:
    bench.beat()
    assert bench.holds()
    bench.beat(phase)
    assert not bench.holds()
    bench.beat()
    assert bench.holds()


def test_a_jobs_pause_ends_with_its_manifest(bench: Bench) -> None:
    bench.beat()
    put_proof(bench.store, PAUSER, "job-ffffffffffffffff")
    assert bench.holds()
    put_proof(bench.store, PAUSER)
    assert not bench.holds(LOOK_SECONDS)


def test_a_jobs_pause_ends_when_its_heartbeat_stays_the_same(bench: Bench) -> None:
    bench.beat()
    assert bench.holds()
    assert bench.holds(SILENT_SECONDS - 1)
    assert not bench.holds(LOOK_SECONDS)


def test_a_job_without_any_heartbeat_does_not_pause_for_ever(bench: Bench) -> None:
    assert bench.holds()
    assert not bench.holds(SILENT_SECONDS)


def test_a_store_that_fails_changes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.beat()
    assert bench.holds()

    def down(uri: str) -> None:
        raise StoreError(uri)

    monkeypatch.setattr(bench.store, "get", down)
    assert bench.holds(2 * SILENT_SECONDS)


def test_a_jobs_pause_ends_with_its_deadline_though_it_still_beats(bench: Bench) -> None:
    paused = PAUSED.model_copy(update={"paused_until": NOW + timedelta(seconds=15)})
    bench.beat()
    bench.clock.advance(14)
    assert bench.pause.holds(paused)
    bench.clock.advance(1)
    bench.beat()
    assert not bench.pause.holds(paused)
