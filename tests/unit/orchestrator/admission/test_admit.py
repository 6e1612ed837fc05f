"""Admission over a store: one answer for each job, kept promises, and a queue that many write."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from fakes.admissions import HOUR_OF_WORK, QUEUE, RacingStore, queued, said_of, store_with_work, submit
from fakes.retries import CONFIG, CREATED, accepted, put_answers, store_with_input
from llmbatch.core.admission import Feasibility
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import RequestError, StoreError
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.history import History
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.admission import admit as admission
from llmbatch.orchestrator.admission import queue as admission_queue
from llmbatch.orchestrator.deployment import store as deployment_store
from llmbatch.orchestrator.deployment.names import RESULTS
from llmbatch.orchestrator.intake.accept import accept, request_of
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.staging.stage import stage
from llmbatch.orchestrator.tasks import inference as tasks

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "basis_for", lambda spec, history: HOUR_OF_WORK)
    monkeypatch.setattr(admission_queue.time, "sleep", lambda seconds: None)


@pytest.fixture
def store() -> RacingStore:
    return store_with_work()


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


def test_the_publish_task_gives_the_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_with_input()
    spec = accepted(store, "a", input_uri="s3://b/in.jsonl")
    stage(spec, store, ManualClock(CREATED))
    put_answers(spec, store, {})
    assert queued(store) == [spec.job_id]
    monkeypatch.setattr(deployment_store, "open_store", lambda conn_id: store)
    monkeypatch.setattr(tasks, "load_settings", lambda: CONFIG)
    event = SimpleNamespace(extra={})
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"outlet_events": {RESULTS: event}})
    tasks.publish(spec.root_uri, "my_s3")
    assert queued(store) == []


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


def test_a_job_is_weighed_beside_others_without_reading(store: RacingStore) -> None:
    spec = submit(store, "a", 3)
    said = said_of(spec, store)
    beside = admission.weigh_beside((), spec, said.size, HOUR_OF_WORK, 1, CREATED)
    assert beside == said
    sooner = spec.model_copy(update={"deadline": CREATED + HOUR / 2})
    assert admission.weigh_beside((), sooner, said.size, HOUR_OF_WORK, 1, CREATED).verdict is Feasibility.INFEASIBLE
    unknown = admission.weigh_beside((), spec, None, HOUR_OF_WORK, 1, CREATED)
    assert (unknown.eta_p50, unknown.reason) == (None, "the size of the input is unknown")
