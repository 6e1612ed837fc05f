from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from fakes.finished_jobs import BASE, finish, spec_of
from fakes.proofs import proof
from fakes.ray import FakeRay
from fakes.sla import accepted
from llmbatch.core.alert_content import compose
from llmbatch.core.alerts import Alert, Level, read_alerts
from llmbatch.core.clock import SystemClock
from llmbatch.core.config import CONFIG_ENV, load_config
from llmbatch.core.errors import RequestError, StoreError
from llmbatch.core.layout import JobLayout, history_uri
from llmbatch.core.manifest import InputRecord, JobManifest, ModelRecord, RowRecord, SlaRecord, TokenRecord
from llmbatch.core.ray_version import RAY_VERSION
from llmbatch.core.sla import JobSla
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.alerting.job_alerts import raise_alert
from llmbatch.orchestrator.alerting.turns import SENDING, take_turn
from llmbatch.orchestrator.deployment import store as deployment_store
from llmbatch.orchestrator.deployment.names import RESULTS
from llmbatch.orchestrator.history.lessons import read_history
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.orchestrator.steering.service import start_admission, stop_admission
from llmbatch.orchestrator.tasks import inference as tasks
from llmbatch.orchestrator.tasks.form import form_params

ROOT = Path(__file__).parents[4]
RUN_AFTER = datetime(2030, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    store = MemoryStore()
    store.put("s3://llmbatch/in/a.jsonl", b'{"prompt": "hi"}\n')
    monkeypatch.setattr(deployment_store, "open_store", lambda conn_id: store)
    monkeypatch.setattr(RayHook, "get_conn", lambda self: FakeRay().sync_client())
    monkeypatch.setenv(CONFIG_ENV, str(ROOT / "config" / "config.yaml"))
    return store


def within(monkeypatch: pytest.MonkeyPatch, **conf: Any) -> dict[str, Any]:
    """Pretend to run in a DAG run that was started with ``conf``."""
    params = {name: param.value for name, param in form_params().items() if param.has_value} | conf
    context = {
        "dag_run": SimpleNamespace(dag_id="d", run_id="r", run_after=RUN_AFTER, conf=conf, triggering_user_name="ann"),
        "params": params,
        "outlet_events": {RESULTS: SimpleNamespace(extra={})},
    }
    monkeypatch.setattr(tasks, "get_current_context", lambda: context)
    return context


def test_accept_gives_ids_and_addresses_only(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl", system_prompt="be secret")
    found = tasks.accept()
    assert found["job_uri"].endswith(found["job_id"])
    assert found["entrypoint"].startswith("exec python -m llmbatch.cluster --job s3://")
    assert found["ray_conn_id"] == "llmbatch_ray"
    assert found["manifest_uri"] == f"{found['job_uri']}/manifest.json"
    assert len(json.dumps(found)) < 800
    assert "secret" not in json.dumps(found)
    assert tasks.accept() == found


def test_accept_refuses_a_cluster_with_another_ray_and_leaves_no_job(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl")
    before = dict(store.objects)
    with monkeypatch.context() as other:
        other.setattr(RayHook, "get_conn", lambda self: FakeRay(version="2.59.0").sync_client())
        with pytest.raises(AirflowFailException, match=rf"runs Ray 2\.59\.0, and .* needs Ray {RAY_VERSION}"):
            tasks.accept()
    assert store.objects == before
    assert tasks.accept()["job_id"]


def test_accept_waits_without_a_retry_while_no_job_is_admitted(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_config(ROOT / "config" / "config.yaml").store.base_uri
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl")
    stop_admission(base, reason="new GPUs", by="ann", store=store, clock=SystemClock())
    before = dict(store.objects)
    with pytest.raises(AirflowRescheduleException) as waits:
        tasks.accept()
    wait = (waits.value.reschedule_date - datetime.now(UTC)).total_seconds()
    assert 0 < wait <= tasks.ADMISSION_SECONDS
    assert store.objects == before
    start_admission(base, by="ann", store=store, clock=SystemClock())
    spec = read_spec(tasks.accept()["job_uri"], store)
    assert spec.created_at == RUN_AFTER


def test_a_batch_with_a_bad_line_fails_for_ever_and_stages_nothing(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("s3://llmbatch/in/batch.jsonl", b"broken\n")
    chat = "/v1/chat/completions"
    within(monkeypatch, input_uri="s3://llmbatch/in/batch.jsonl", input_format="openai_batch", batch_endpoint=chat)
    job_uri = tasks.accept()["job_uri"]
    with pytest.raises(AirflowFailException, match=r"no row runs: 1 problem in line 1: .*\(invalid_json_line\)"):
        tasks.stage(job_uri, "c")
    assert [uri for uri in store.objects if "/staged/" in uri] == []
    assert f"{job_uri}/batch_errors.json" in store.objects


def test_the_entrypoint_is_made_of_the_config_and_the_job_id(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text(
        "store: {base_uri: 's3://llmbatch/a b'}\ndefault_model: m\nmodels: {m: {uri: m}}\n"
        "ray: {entrypoint: exec /opt/ray/bin/python -m llmbatch.cluster}\n"
    )
    monkeypatch.setenv(CONFIG_ENV, str(tmp_path / "c.yaml"))
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl")
    found = tasks.accept()
    assert found["entrypoint"] == (
        f"exec /opt/ray/bin/python -m llmbatch.cluster --job 's3://llmbatch/a b/jobs/{found['job_id']}'"
        " --generation {generation}"
    )


def test_a_forged_spec_reaches_no_shell(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl")
    layout = JobLayout(tasks.accept()["job_uri"])
    spec = read_spec(layout.root, store).model_copy(update={"root_uri": f"{layout.root}; touch /tmp/x #"})
    store.put(layout.spec, spec.model_dump_json().encode())
    store.put(layout.manifest, proof(layout.job_id).model_dump_json().encode())
    with pytest.raises(AirflowFailException, match=r"spec\.json: is the spec of .*touch"):
        tasks.accept()


def test_a_value_of_the_request_begins_no_line_of_the_log(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl", model="m\nevent=forged \x1b[2J")
    tasks.accept()
    assert r"model=m\nevent=forged \x1b[2J" in caplog.text
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_the_job_records_who_triggered_its_run(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl")
    assert read_spec(tasks.accept()["job_uri"], store).owner == "ann"
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl")["dag_run"].triggering_user_name = None
    store.objects = {"s3://llmbatch/in/a.jsonl": b'{"prompt": "hi"}\n'}
    assert read_spec(tasks.accept()["job_uri"], store).owner == ""


def test_a_run_with_the_same_key_gets_the_same_job(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    conf = {"input_uri": "s3://llmbatch/in/a.jsonl", "idempotency_key": "secret?"}
    within(monkeypatch, **conf)
    first = tasks.accept()
    within(monkeypatch, **conf)["dag_run"].run_id = "later"
    assert tasks.accept() == first
    assert "started by run r with the same idempotency key" in caplog.text
    assert "secret?" not in caplog.text


def test_a_wrong_request_is_not_retried(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    within(monkeypatch, input_url="s3://llmbatch/in/a.jsonl")
    with pytest.raises(AirflowFailException, match=r"input_url.*'input_uri'"):
        tasks.accept()


def test_a_wrong_config_is_not_retried(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("default_model: m\nmodels: {m: {uri: m}}\nstagin: {}\n")
    monkeypatch.setenv(CONFIG_ENV, str(tmp_path / "c.yaml"))
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl")
    with pytest.raises(AirflowFailException, match=r"c.yaml:3.*did you mean `staging`"):
        tasks.accept()


@pytest.mark.parametrize(
    ("error", "kind"), [(StoreError("down"), StoreError), (RequestError("a", "b", "c"), AirflowFailException)]
)
def test_only_what_a_retry_can_help_is_retried(error: Exception, kind: type[Exception]) -> None:
    @tasks.final_unless_retryable
    def body() -> None:
        raise error

    with pytest.raises(kind):
        body()


def manifest(job_id: str, met: bool) -> JobManifest:
    deadline = RUN_AFTER + timedelta(hours=1)
    finished = deadline + timedelta(minutes=-30 if met else 30)
    return JobManifest(
        job_id=job_id,
        model=ModelRecord(name="m", uri="m"),
        versions={},
        input=InputRecord(uri="s3://llmbatch/in/a", objects=(), rows=2),
        rows=RowRecord(input=2, succeeded=1, failed=1),
        missing=0,
        duplicates=0,
        tokens=TokenRecord(prompt=1, completion=1, cached=0),
        shards=(),
        outputs=(),
        timing={"work": 12.0},
        sla=SlaRecord(deadline=deadline, finished_at=finished, met=met),
    )


@pytest.mark.parametrize("met", [True, False])
def test_report_writes_the_same_bytes_again(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, met: bool) -> None:
    within(monkeypatch, input_uri="s3://llmbatch/in/a.jsonl")
    layout = JobLayout(tasks.accept()["job_uri"])
    store.put(layout.manifest, manifest(layout.job_id, met).model_dump_json().encode())
    assert tasks.report(layout.root, "my_s3") == {"job_id": layout.job_id, "met": met}
    first = store.get(layout.sla)
    assert tasks.report(layout.root, "my_s3")["met"] is met
    assert store.get(layout.sla) == first
    assert json.loads(first)["margin_seconds"] == (1800 if met else -1800)


def test_report_teaches_the_history_and_survives_if_that_fails(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spec = spec_of()
    finish(store, spec)
    assert tasks.report(spec.root_uri, "my_s3")["met"] is True
    assert [job.job_id for job in read_history(BASE, store).jobs] == [spec.job_id]
    store.delete(history_uri(BASE))

    create = store.create

    def refuse(uri: str, body: bytes) -> ObjectInfo:
        if uri == history_uri(BASE):
            raise StoreError(f"{uri} was refused")
        return create(uri, body)

    monkeypatch.setattr(store, "create", refuse)
    assert tasks.report(spec.root_uri, "my_s3")["met"] is True
    assert f"event=history_unwritten job_id={spec.job_id} " in caplog.text


def test_report_ends_an_alert_that_still_fires(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmbatch.orchestrator.alerting.job_alerts.deliver", lambda *_: True)
    spec = accepted(store, RUN_AFTER)
    raised = compose(JobSla.of(spec), Level.RED, 1, progress=None, is_stale=False, now=LONG_AGO, raised_by="sensor")
    raise_alert(raised, store, spec.layout)
    store.put(spec.layout.manifest, manifest(spec.job_id, met=False).model_dump_json().encode())
    tasks.report(spec.root_uri, "my_s3")
    last = read_alerts(store, spec.layout)[-1]
    assert (last.level, last.raised_by) == (Level.OK, "report")
    assert "after its deadline" in last.reason


class _Webhook:
    name = "webhook"

    def __init__(self) -> None:
        self.levels: list[str] = []

    def send(self, alert: Alert) -> None:
        self.levels.append(alert.level.value)


def test_report_sends_what_another_process_had_in_hand_when_it_died(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody watches the job after it: the minute for which that process keeps the alert has to be waited for."""
    webhook, pauses = _Webhook(), list[float]()
    monkeypatch.setattr("llmbatch.orchestrator.alerting.job_alerts.sinks_of", lambda _: (webhook,))
    spec = accepted(store, RUN_AFTER)
    raised = compose(JobSla.of(spec), Level.RED, 1, progress=None, is_stale=False, now=LONG_AGO, raised_by="sensor")
    raise_alert(raised, store, spec.layout)
    store.put(spec.layout.manifest, manifest(spec.job_id, met=False).model_dump_json().encode())
    in_hand = f"{spec.layout.alerts}sending/red-1.webhook"
    assert take_turn(store, in_hand, datetime.now(UTC)) is not None

    def pause(seconds: float) -> None:
        assert webhook.levels == []
        pauses.append(seconds)
        if sum(pauses) >= SENDING.total_seconds():
            store.put(in_hand, json.dumps({"tries": 1, "not_before": LONG_AGO.isoformat()}).encode())

    monkeypatch.setattr(tasks.time, "sleep", pause)
    tasks.report(spec.root_uri, "my_s3")
    assert webhook.levels == ["red", "ok"]


def test_report_does_not_wait_for_ever_for_a_receiver(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = list[float]()
    monkeypatch.setattr("llmbatch.orchestrator.alerting.job_alerts.deliver", lambda *_: False)
    monkeypatch.setattr(tasks.time, "sleep", pauses.append)
    spec = accepted(store, RUN_AFTER)
    raised = compose(JobSla.of(spec), Level.RED, 1, progress=None, is_stale=False, now=LONG_AGO, raised_by="sensor")
    raise_alert(raised, store, spec.layout)
    store.put(spec.layout.manifest, manifest(spec.job_id, met=False).model_dump_json().encode())
    tasks.report(spec.root_uri, "my_s3")
    assert SENDING.total_seconds() < sum(pauses) <= 120


def test_a_failure_is_kept_for_other_dags() -> None:
    kept: dict[str, str] = {}
    ti = SimpleNamespace(task_id="accept", xcom_push=lambda *, key, value: kept.update({key: value}))
    tasks.note_failure({"ti": ti, "exception": RequestError("input_uri", "bad \x1b[2J", "Correct it")})
    assert kept == {"failure": "input_uri: bad \\x1b[2J. Correct it"}
    tasks.note_failure({"ti": ti, "exception": ValueError("x" * 9000)})
    assert len(kept["failure"]) <= tasks.FAILURE_CHARS
