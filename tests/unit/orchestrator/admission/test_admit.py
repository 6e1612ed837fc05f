"""Admission over a store: one answer for each job, kept promises, and a queue that many write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from fakes.retries import CONFIG, CREATED, accepted, put_answers, store_with_input
from llmbatch.core.admission import Admission, AdmissionQueue, Feasibility
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import RequestError, StoreError
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.history import History
from llmbatch.core.eta.priors import LengthPrior, Priors
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import queue_uri
from llmbatch.core.progress import EtaSeconds, Progress, Replicas, RowCounts, ShardCounts
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.admission import admit as admission
from llmbatch.orchestrator.admission import queue as admission_queue
from llmbatch.orchestrator.admission.admit import read_admission
from llmbatch.orchestrator.admission.queue import TRIES, leave_queue
from llmbatch.orchestrator.deployment.names import RESULTS
from llmbatch.orchestrator.intake.accept import accept, request_of
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.staging.stage import stage
from llmbatch.orchestrator.tasks import inference as tasks

BASE = "s3://llmbatch/llmbatch"
QUEUE = queue_uri(BASE)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _history(monkeypatch: pytest.MonkeyPatch) -> None:
    """One unit of work a second; the input below is an hour of it: 36 answers of 100 tokens. P90 is 2.5 hours."""
    priors = Priors(lengths=LengthPrior(level=100.0, slope=0.0, spread=0.01), price=1e-9, rate=1.0, commit_seconds=0.0)
    monkeypatch.setattr(admission, "basis_for", lambda spec, history: EtaBasis(engine="e", priors=priors))
    monkeypatch.setattr(admission_queue.time, "sleep", lambda seconds: None)


class RacingStore(MemoryStore):
    """Lets somebody else act before the next conditional writes of the queue."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Callable[[], object]] = []

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        self._intrude(uri)
        return super().create(uri, body)

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        self._intrude(uri)
        return super().replace(uri, body, etag)

    def _intrude(self, uri: str) -> None:
        if uri == QUEUE and self.before:
            self.before.pop(0)()


@pytest.fixture
def store() -> RacingStore:
    store = RacingStore()
    store.put("s3://b/in.jsonl", b'{"prompt": "hi"}\n' * 36)
    return store


def submit(store: MemoryStore, run_id: str, hours: float, at: timedelta = timedelta(), **conf: Any) -> JobSpec:
    return accept(
        request_of({}, {"input_uri": "s3://b/in.jsonl", "sla_hours": hours, **conf}),
        dag_id="d",
        run_id=run_id,
        created_at=CREATED + at,
        config=CONFIG,
        store=store,
        clock=ManualClock(CREATED + at),
    )


def said_of(spec: JobSpec, store: MemoryStore) -> Admission:
    said = read_admission(spec, store)
    assert said is not None
    return said


def queued(store: MemoryStore) -> list[str]:
    return [job.job_id for job in AdmissionQueue.model_validate_json(store.get(QUEUE)).jobs]


def beat(spec: JobSpec, store: MemoryStore, at: timedelta, phase: Phase, eta: EtaSeconds | None) -> None:
    progress = Progress(
        job_id=spec.job_id,
        generation=1,
        sequence=1,
        phase=phase,
        written_at=CREATED + at,
        started_at=CREATED,
        rows=RowCounts(),
        shards=ShardCounts(),
        replicas=Replicas(live=1),
        eta=eta,
    )
    store.put(spec.layout.progress, progress.model_dump_json().encode())


@pytest.mark.parametrize(
    ("hours", "verdict"), [(3, Feasibility.ACCEPTED), (2, Feasibility.AT_RISK), (0.5, Feasibility.INFEASIBLE)]
)
def test_the_verdict_and_the_basis_are_kept_with_the_job(
    store: RacingStore, hours: float, verdict: Feasibility
) -> None:
    spec = submit(store, "a", hours)
    said = said_of(spec, store)
    assert (said.verdict, said.replicas, said.deadline) == (verdict, 1, spec.deadline)
    assert said.eta_p50 == pytest.approx(3600)
    assert said.eta_p90 == pytest.approx(9000)
    assert said.earliest_finish == CREATED + timedelta(seconds=said.eta_p90 or 0)
    assert EtaBasis.model_validate_json(store.get(spec.layout.basis)).priors.rate == 1.0
    assert queued(store) == [spec.job_id]


def test_jobs_add_up(store: RacingStore) -> None:
    specs = [submit(store, name, 6) for name in "abc"]
    assert [said_of(spec, store).verdict for spec in specs] == [
        Feasibility.ACCEPTED,
        Feasibility.ACCEPTED,
        Feasibility.AT_RISK,
    ]
    assert said_of(submit(store, "d", 5), store).breaks != ()


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


def test_a_retry_gets_the_first_answer(store: RacingStore) -> None:
    spec = submit(store, "a", 3)
    said = said_of(spec, store)
    submit(store, "b", 2.6)
    before = dict(store.objects)
    assert submit(store, "a", 3) == spec
    assert said_of(spec, store) == said
    assert store.objects == before


def test_an_accepted_job_is_not_rejected_when_its_task_is_cleared_late(store: RacingStore) -> None:
    spec = submit(store, "a", 3, on_infeasible="reject")
    request = request_of({}, {"input_uri": "s3://b/in.jsonl", "sla_hours": 3, "on_infeasible": "reject"})
    late = ManualClock(CREATED + HOUR * 2.9)
    again = accept(request, dag_id="d", run_id="a", created_at=CREATED, config=CONFIG, store=store, clock=late)
    assert again == spec
    assert said_of(spec, store).verdict is Feasibility.ACCEPTED


@pytest.mark.parametrize("dies_before", ["/eta/basis.json", "/admission.json", "/spec.json"])
def test_an_accept_that_dies_half_way_is_done_again(
    store: RacingStore, dies_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(uri: str, body: bytes) -> ObjectInfo:
        if uri.endswith(dies_before):
            raise StoreError("down")
        return MemoryStore.create(store, uri, body)

    with monkeypatch.context() as patched:
        patched.setattr(store, "create", dying)
        with pytest.raises(StoreError, match="down"):
            submit(store, "a", 3, on_infeasible="reject")
    spec = submit(store, "a", 3, on_infeasible="reject")
    assert queued(store) == [spec.job_id]
    assert said_of(spec, store).jobs_before == 0


def test_reject_leaves_nothing(store: RacingStore) -> None:
    submit(store, "first", 2.6)
    before = dict(store.objects)
    with pytest.raises(RequestError) as caught:
        submit(store, "second", 0.9, on_infeasible="reject", idempotency_key="k")
    assert caught.value.field == "sla_hours"
    assert not caught.value.retryable
    for part in ("cannot keep its deadline 2030-01-02T03:54", "2030-01-02T08:00", "no allowed number of replicas"):
        assert part in str(caught.value)
    assert store.objects == before


def test_reject_names_the_replicas_that_would_make_it(store: RacingStore) -> None:
    with pytest.raises(RequestError, match="5 replicas would keep it"):
        submit(store, "a", 0.5, on_infeasible="reject", reactions={"max_replicas": 8})
    assert said_of(submit(store, "b", 0.5, engine={"concurrency": 5}), store).verdict is Feasibility.ACCEPTED


def test_what_is_only_at_risk_is_not_rejected(store: RacingStore) -> None:
    assert said_of(submit(store, "a", 2, on_infeasible="reject"), store).verdict is Feasibility.AT_RISK


def test_accept_goes_on_with_a_warning(store: RacingStore, caplog: pytest.LogCaptureFixture) -> None:
    spec = submit(store, "a", 0.5)
    assert read_spec(spec.root_uri, store) == spec
    (record,) = [each for each in caplog.records if "event=admission job_id=" in each.message]
    assert record.levelname == "WARNING"
    assert "verdict=infeasible" in record.message


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
    store: RacingStore, phase: Phase, age_minutes: float, counts: float
) -> None:
    first = submit(store, "first", 9)
    now = HOUR
    eta = None if phase.is_terminal else EtaSeconds(p10=60, p50=120, p90=360)
    beat(first, store, now - timedelta(minutes=age_minutes), phase, eta)
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
    store.put(first.layout.manifest, b"{}")
    third = submit(store, "c", 10)
    assert queued(store) == [second.job_id, third.job_id]
    leave_queue(BASE, second.job_id, store)
    leave_queue(BASE, second.job_id, store)
    assert queued(store) == [third.job_id]


def test_the_publish_task_gives_the_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_with_input()
    spec = accepted(store, "a", input_uri="s3://b/in.jsonl")
    stage(spec, store, ManualClock(CREATED))
    put_answers(spec, store, {})
    assert queued(store) == [spec.job_id]
    monkeypatch.setattr(tasks, "_store", lambda conn_id: store)
    monkeypatch.setattr(tasks, "load_settings", lambda: CONFIG)
    event = SimpleNamespace(extra={})
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"outlet_events": {RESULTS: event}})
    tasks.publish(spec.root_uri, "my_s3")
    assert queued(store) == []


def test_leaving_a_broken_store_is_only_a_warning(
    store: RacingStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spec = submit(store, "a", 9)

    def down(uri: str, body: bytes, etag: str) -> ObjectInfo:
        raise StoreError("down")

    monkeypatch.setattr(store, "replace", down)
    leave_queue(BASE, spec.job_id, store)
    assert "event=leave_queue_failed" in caplog.text


@pytest.mark.parametrize("error", [StoreError("down"), ValueError("not a history")])
def test_a_history_that_cannot_be_read_fails_nothing(
    store: RacingStore, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(base_uri: str, store: MemoryStore) -> History:
        raise error

    monkeypatch.setattr(admission, "read_history", broken)
    monkeypatch.setattr(admission, "basis_for", lambda spec, history: EtaBasis(engine=f"{len(history.jobs)} jobs"))
    said = said_of(submit(store, "a", 0.1, on_infeasible="reject"), store)
    assert (said.verdict, said.eta_p50, said.reason) == (Feasibility.ACCEPTED, None, "no history for this engine")
    assert "event=history_unreadable job_id=" in caplog.text


def test_who_adopts_another_run_s_job_holds_no_place(store: RacingStore) -> None:
    """Both runs pass the look for the key; the slower one has a place already when it learns of the other."""
    store.before = [lambda: submit(store, "other", 9, idempotency_key="k")]
    adopted = submit(store, "slow", 9, idempotency_key="k")
    assert queued(store) == [adopted.job_id]


def test_a_dry_run_takes_no_place_and_no_key(store: RacingStore) -> None:
    dry = submit(store, "dry", 0.5, dry_run=True, on_infeasible="reject", idempotency_key="k")
    assert said_of(dry, store).verdict is Feasibility.INFEASIBLE
    assert QUEUE not in store.objects
    real = submit(store, "real", 0.5, idempotency_key="k")
    assert real.job_id != dry.job_id
