from __future__ import annotations

import pytest

from fakes.events import RecordedEvents
from fakes.finished_jobs import finish, spec_of
from llmbatch.core.manifest import JobManifest
from llmbatch.core.progress import Progress, RowCounts, TokenCounts
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.history.finished_events import count_finished
from llmbatch.orchestrator.history.job_report import report_sla

ROWS = [("small", "succeeded", 99), ("small", "failed", 1), ("small", "expired", 0), ("small", "cancelled", 0)]


def test_a_finished_job_is_counted_once_however_often_it_is_reported(events: RecordedEvents) -> None:
    store, spec = MemoryStore(), spec_of()
    manifest = finish(store, spec)
    loaded = manifest.model_copy(update={"timing": {**manifest.timing, "model_load": 30.0}})
    store.put(spec.layout.manifest, loaded.model_dump_json().encode())
    for _ in range(2):
        report_sla(spec.root_uri, store)
    assert events.of("jobs_finished") == [("small", "met", 1)]
    assert events.of("rows") == ROWS
    assert events.of("tokens") == [("small", "prompt", 50_000), ("small", "completion", 10_000), ("small", "cached", 0)]
    assert events.of("cost_usd") == [("small", 10.0)]
    assert events.of("replica") == [("small", "gpu", 7200.0)]
    assert events.of("model_load") == [("small", 30_000.0)]


def finished() -> tuple[JobManifest, Progress]:
    store, spec = MemoryStore(), spec_of()
    return finish(store, spec), Progress.model_validate_json(store.get(spec.layout.progress))


def test_dead_letters_are_those_of_the_last_heartbeat(events: RecordedEvents) -> None:
    manifest, progress = finished()
    dead = {ErrorClass.ENGINE: 2, ErrorClass.INVALID: 5}
    count_finished(spec_of(), manifest, progress.model_copy(update={"dead_letters": dead}))
    assert events.of("dead_letter_rows") == [("small", "engine", 2), ("small", "invalid", 5)]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_retry_counts_only_what_it_ran_itself(events: RecordedEvents, is_known: bool) -> None:
    manifest, progress = finished()
    retry = manifest.model_copy(update={"retry_of": "s3://b/base/jobs/before"})
    own = {"rows": RowCounts(total=1, succeeded=1), "tokens": TokenCounts(prompt=7, completion=3)}
    count_finished(spec_of(), retry, progress.model_copy(update=own) if is_known else None)
    assert events.of("rows")[:1] == ([("small", "succeeded", 1)] if is_known else [])
    assert events.of("tokens")[:2] == ([("small", "prompt", 7), ("small", "completion", 3)] if is_known else [])
    assert events.of("jobs_finished") == [("small", "met", 1)]


def test_a_late_job_without_a_price(events: RecordedEvents) -> None:
    manifest, progress = finished()
    sla = manifest.sla.model_copy(update={"met": False})
    count_finished(spec_of(), manifest.model_copy(update={"sla": sla, "cost": None}), progress)
    assert events.of("jobs_finished") == [("small", "missed", 1)]
    assert (events.of("cost_usd"), events.of("replica")) == ([], [])
