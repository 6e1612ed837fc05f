from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.admissions import BASE, HOUR_OF_WORK, QUEUE, RacingStore, beat, queued, said_of, store_with_work, submit
from fakes.proofs import put_proof
from fakes.retries import CREATED
from llmbatch.core.admission import Feasibility
from llmbatch.core.errors import StoreError
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectInfo
from llmbatch.orchestrator.admission import admit as admission
from llmbatch.orchestrator.admission import queue as admission_queue
from llmbatch.orchestrator.admission.queue import TRIES, leave_queue, open_jobs

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "basis_for", lambda spec, history: HOUR_OF_WORK)
    monkeypatch.setattr(admission_queue.time, "sleep", lambda seconds: None)


@pytest.fixture
def store() -> RacingStore:
    return store_with_work()


def test_of_two_that_race_one_comes_second(store: RacingStore) -> None:
    """Both read the empty queue; the one whose write fails is weighed again, behind the other."""
    store.before = [lambda: submit(store, "other", 2.6)]
    spec = submit(store, "late", 2.7)
    assert said_of(spec, store).verdict is Feasibility.AT_RISK
    assert said_of(spec, store).jobs_before == 1
    assert len(queued(store)) == 2


def test_the_same_with_a_queue_that_is_there(store: RacingStore) -> None:
    submit(store, "first", 90)
    store.before = [lambda: submit(store, "other", 2.6)]
    assert said_of(submit(store, "late", 2.7), store).jobs_before == 1
    assert len(queued(store)) == 3


def test_a_queue_that_never_rests_is_an_error_that_a_retry_can_help(store: RacingStore) -> None:
    store.put(QUEUE, b"{}")
    store.before = [lambda n=n: store.put(QUEUE, b"{}" + b" " * n) for n in range(1, TRIES + 1)]  # type: ignore[misc]
    with pytest.raises(StoreError, match="20 times in a row") as caught:
        submit(store, "a", 3)
    assert caught.value.retryable


def test_a_queue_that_is_removed_in_between_is_begun_anew(store: RacingStore) -> None:
    submit(store, "first", 90)
    store.before = [lambda: store.delete(QUEUE)]
    spec = submit(store, "second", 90)
    assert queued(store) == [spec.job_id]


@pytest.mark.parametrize("body", [b"not json", b'{"jobs": [{"job_id": "x"}]}', b""])
def test_an_unreadable_queue_blocks_nobody(store: RacingStore, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    store.put(QUEUE, body)
    spec = submit(store, "a", 3)
    assert queued(store) == [spec.job_id]
    assert "event=queue_unreadable" in caplog.text


@pytest.mark.parametrize("driver_ahead", [0, 65, -65, 3600, -3600])
@pytest.mark.parametrize(
    ("phase", "age_minutes", "counts"),
    [
        (Phase.WORK, 0, 360),
        (Phase.WORK, 1, 300),
        (Phase.WORK, 30, 9000),
        (Phase.FAILED, 1, 9000),
        (Phase.FAILED, 30, 0),
        (Phase.DRAINED, 30, 0),
        (Phase.DONE, 0, 0),
    ],
)
def test_a_running_job_counts_with_what_is_left(
    store: RacingStore, phase: Phase, age_minutes: float, counts: float, driver_ahead: float
) -> None:
    first = submit(store, "first", 9)
    now = HOUR
    eta = None if phase.is_terminal else EtaSeconds(p10=60, p50=120, p90=360)
    written = now - timedelta(minutes=age_minutes)
    beat(first, store, written, phase, eta, driver_ahead=timedelta(seconds=driver_ahead))
    second = submit(store, "second", 10, at=now)
    assert said_of(second, store).eta_p90 == pytest.approx(9000 + counts)
    assert (first.job_id in queued(store)) == (counts > 0)


@pytest.mark.parametrize(("hours_later", "is_kept"), [(2.5, True), (3.9, True), (4.1, False)])
def test_one_without_a_sign_of_life_is_forgotten_an_hour_after_its_deadline(
    store: RacingStore, hours_later: float, is_kept: bool
) -> None:
    first = submit(store, "first", 3)
    submit(store, "second", 9, at=HOUR * hours_later)
    assert (first.job_id in queued(store)) == is_kept


def test_one_that_finishes_late_still_counts(store: RacingStore) -> None:
    first = submit(store, "first", 3, on_deadline="finish")
    beat(first, store, HOUR * 50, Phase.WORK, EtaSeconds(p10=60, p50=120, p90=360))
    assert said_of(submit(store, "second", 9, at=HOUR * 50), store).eta_p90 == pytest.approx(9360)


def test_published_jobs_leave(store: RacingStore) -> None:
    first, second = (submit(store, name, 9) for name in "ab")
    put_proof(store, first.layout)
    third = submit(store, "c", 10)
    assert queued(store) == [second.job_id, third.job_id]
    leave_queue(BASE, second.job_id, store)
    leave_queue(BASE, second.job_id, store)
    assert queued(store) == [third.job_id]


def test_another_job_s_manifest_takes_no_job_out_of_the_queue_and_costs_no_other_job(store: RacingStore) -> None:
    first = submit(store, "a", 9)
    put_proof(store, first.layout, "job-ffffffffffffffff")
    second = submit(store, "b", 10)
    assert queued(store) == [first.job_id, second.job_id]


def test_leaving_a_broken_store_is_only_a_warning(
    store: RacingStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spec = submit(store, "a", 9)

    def down(uri: str, body: bytes, etag: str) -> ObjectInfo:
        raise StoreError("down")

    monkeypatch.setattr(store, "replace", down)
    leave_queue(BASE, spec.job_id, store)
    assert "event=leave_queue_failed" in caplog.text


def test_open_jobs_are_those_that_have_not_ended_with_what_is_left(store: RacingStore) -> None:
    first, second = submit(store, "a", 3), submit(store, "b", 90)
    put_proof(store, second.layout)
    beat(first, store, HOUR / 60, Phase.WORK, EtaSeconds(p10=60, p50=120, p90=180))
    (job,) = open_jobs(BASE, store, CREATED + HOUR / 60)
    assert (job.job_id, job.eta and job.eta.p50) == (first.job_id, 120)
    store.delete(QUEUE)
    assert open_jobs(BASE, store, CREATED) == ()
