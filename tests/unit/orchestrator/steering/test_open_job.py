"""The drain of a shutdown: it applies to all generations, ends with the resume, and leaves users' requests alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fakes.finished_jobs import finish, spec_of
from fakes.heartbeat import beat
from llmbatch.core.claims import claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control
from llmbatch.core.errors import RequestError
from llmbatch.core.states import DesiredState, Phase
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.steering.control import adjust, request_state
from llmbatch.orchestrator.steering.open_job import OpenJob, drain_until_resume, end_drain, open_job

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SPEC = spec_of(1)
LAYOUT = SPEC.layout
RUN, DRAIN, CANCEL = DesiredState.RUN, DesiredState.DRAIN, DesiredState.CANCEL


def job(claims: int = 1) -> MemoryStore:
    store = MemoryStore()
    store.put(LAYOUT.spec, SPEC.model_dump_json().encode())
    for _ in range(claims):
        claim(store, LAYOUT, owner="o", now=NOW)
    return store


def drain(store: MemoryStore) -> None:
    drain_until_resume(LAYOUT, reason="the service shuts down", by="ann", store=store, clock=ManualClock(NOW))


def found(store: MemoryStore) -> OpenJob:
    job = open_job(LAYOUT, store, NOW)
    assert job is not None
    return job


def user(store: MemoryStore, desired: DesiredState) -> Control:
    return request_state(LAYOUT.root, desired, reason="mine", by="bob", store=store, clock=ManualClock(NOW))


def test_a_drain_is_for_all_generations_until_the_resume() -> None:
    store = job()
    drain(store)
    control = found(store).control
    assert (control.asks_of(1), control.asks_of(2), control.shutdown) == (DRAIN, DRAIN, True)
    assert (control.written_by, control.reason) == ("ann", "the service shuts down")
    assert not found(store).is_stopped_by_user
    ended = end_drain(LAYOUT, by="bob", store=store, clock=ManualClock(NOW))
    assert (ended.asks_of(1), ended.shutdown, ended.written_by) == (RUN, False, "bob")


@pytest.mark.parametrize("desired", [DRAIN, CANCEL])
def test_a_user_s_request_stays(desired: DesiredState) -> None:
    store = job()
    mine = user(store, desired)
    drain(store)
    assert found(store).control == mine
    assert found(store).is_stopped_by_user
    assert end_drain(LAYOUT, by="bob", store=store, clock=ManualClock(NOW)) == mine


def test_a_user_s_drain_of_an_earlier_generation_is_over() -> None:
    store = job(1)
    user(store, DRAIN)
    claim(store, LAYOUT, owner="o", now=NOW)
    drain(store)
    assert found(store).control.shutdown


def test_a_cancel_after_the_drain_belongs_to_the_user() -> None:
    store = job()
    drain(store)
    assert user(store, CANCEL).shutdown is False
    assert found(store).is_stopped_by_user


def test_other_changes_keep_the_drain() -> None:
    store = job()
    drain(store)
    adjust(LAYOUT.root, {"max_tokens": 5}, reason="r", by="x", store=store, clock=ManualClock(NOW))
    assert (found(store).control.shutdown, found(store).control.max_tokens) == (True, 5)


def test_a_job_that_is_not_accepted_or_is_published_is_not_open() -> None:
    assert open_job(LAYOUT, MemoryStore(), NOW) is None
    store = job()
    finish(store, SPEC, seconds=60)
    assert open_job(LAYOUT, store, NOW) is None
    with pytest.raises(RequestError):
        drain(MemoryStore())


@pytest.mark.parametrize(
    ("phase", "may_continue", "runs_again"),
    [(Phase.WORK, True, True), (Phase.DRAINED, True, False), (Phase.FAILED, False, False), (Phase.DONE, False, False)],
)
def test_what_the_heartbeat_says(phase: Phase, may_continue: bool, runs_again: bool) -> None:
    store = job()
    end_drain(LAYOUT, by="bob", store=store, clock=ManualClock(NOW))
    store.put(LAYOUT.progress, beat(60, ended=300, phase=phase, job_id=SPEC.job_id).model_dump_json().encode())
    job_now = found(store)
    assert (job_now.may_continue, job_now.runs_again, job_now.rows_remaining) == (may_continue, runs_again, 700)


def test_an_older_heartbeat_does_not_show_that_it_runs_again() -> None:
    progress = beat(-1, job_id=SPEC.job_id)
    assert not OpenJob(LAYOUT, progress, Control(written_at=NOW), RUN).runs_again
    assert OpenJob(LAYOUT, None, Control(), RUN).rows_remaining is None


def test_a_damaged_heartbeat_is_unknown() -> None:
    store = job()
    store.put(LAYOUT.progress, b"[]")
    assert found(store).progress is None
