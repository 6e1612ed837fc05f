from __future__ import annotations

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from llmbatch.core.engine_settings import Accelerator
from llmbatch.core.identity import BENCHMARK_DAG, benchmark_id_of
from llmbatch.core.layout import benchmark_uri
from llmbatch.gateway.routers.benchmark import BenchmarkBody
from llmbatch.orchestrator.benchmark.report import BenchmarkReport
from llmbatch.orchestrator.steering.service import stop_admission

OLD = {"batch_size": 256, "concurrency": 4, "num_samples": 100}
BODY = {"input_uri": "s3://b/in.jsonl", **OLD}


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


def report_of(gateway: FakeGateway, run_id: str) -> BenchmarkReport:
    benchmark_id = benchmark_id_of(run_id)
    report = BenchmarkReport(
        benchmark_id=benchmark_id,
        run_id=run_id,
        model="small",
        accelerator=Accelerator.GPU,
        input_uri="s3://b/in.jsonl",
        sampled_of=5,
        written_at=gateway.clock.now(),
        settings=(),
        best=None,
    )
    uri = f"{benchmark_uri(gateway.config.store.base_uri, benchmark_id)}report.json"
    gateway.store.put(uri, report.model_dump_json().encode())
    return report


def test_a_benchmark_starts_with_the_caller_s_rights_and_shows_its_state_then_its_report(gateway: FakeGateway) -> None:
    ann = gateway.as_user("ann")
    started = gateway.client.post("/benchmark", json=BODY, headers=ann)
    found = started.json()
    assert (started.status_code, found["state"]) == (202, "queued")
    run = gateway.airflow.dag_runs[(BENCHMARK_DAG, found["dag_run_id"])]
    assert (run.conf, run.triggering_user_name) == (BODY, "ann")
    path = f"/benchmark/{found['benchmark_id']}"
    assert gateway.client.get(path, headers=ann).json() == {**found, "report": None}
    gateway.airflow.set_state(BENCHMARK_DAG, found["dag_run_id"], "success")
    report = report_of(gateway, found["dag_run_id"])
    shown = gateway.client.get(path, headers=gateway.as_user("bob", "viewer")).json()
    assert (shown["state"], shown["report"]) == ("success", report.model_dump(mode="json"))


def test_a_report_outlives_its_run(gateway: FakeGateway) -> None:
    report = report_of(gateway, "gone")
    shown = gateway.client.get(f"/benchmark/{report.benchmark_id}", headers=gateway.as_user("ann", "viewer")).json()
    assert (shown["dag_run_id"], shown["report"]["model"]) == ("gone", "small")


def test_an_older_run_is_found_on_a_later_page(gateway: FakeGateway) -> None:
    ann = gateway.as_user("ann")
    first = gateway.client.post("/benchmark", json=BODY, headers=ann).json()
    for _ in range(150):
        assert gateway.client.post("/benchmark", json=BODY, headers=ann).status_code == 202
    assert gateway.client.get(f"/benchmark/{first['benchmark_id']}", headers=ann).json()["state"] == "queued"


@pytest.mark.parametrize("benchmark_id", ["bench-0123456789abcdef"])
def test_an_unknown_benchmark_is_404(gateway: FakeGateway, benchmark_id: str) -> None:
    answer = gateway.client.get(f"/benchmark/{benchmark_id}", headers=gateway.as_user("ann"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "benchmark_not_found")


@pytest.mark.parametrize("benchmark_id", ["x", "bench-0123456789ABCDEF", "bench-0123456789abcdef%0a", "..%2f..%2fx"])
def test_an_id_of_another_form_reaches_no_key(gateway: FakeGateway, benchmark_id: str) -> None:
    answer = gateway.client.get(f"/benchmark/{benchmark_id}", headers=gateway.as_user("ann"))
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (OLD, "input_uri"),
        ({**BODY, "batch_size": 0}, "batch_size"),
        ({**BODY, "batch_sizes": [1]}, "batch_size"),
        ({**BODY, "samples": 5}, "samples"),
        ({"input_uri": "s3://b/x", "batch_sizes": list(range(1, 34))}, "batch_sizes"),
    ],
)
def test_a_wrong_field_is_named(gateway: FakeGateway, body: dict[str, object], param: str) -> None:
    answer = gateway.client.post("/benchmark", json=body, headers=gateway.as_user("ann"))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert gateway.airflow.calls == []


def test_an_idempotency_key_starts_one_benchmark_for_each_user(gateway: FakeGateway) -> None:
    headers = {**gateway.as_user("ann"), "Idempotency-Key": "k"}
    first, again = (gateway.client.post("/benchmark", json=BODY, headers=headers).json() for _ in range(2))
    assert first == again
    other = gateway.client.post("/benchmark", json={**BODY, "num_samples": 5}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
    bob = gateway.client.post("/benchmark", json=BODY, headers={**headers, **gateway.as_user("bob")}).json()
    assert bob["dag_run_id"] != first["dag_run_id"]


def test_nothing_starts_without_a_caller_the_right_or_admission(gateway: FakeGateway) -> None:
    assert gateway.client.post("/benchmark", json=BODY).status_code == 401
    viewer = gateway.as_user("ann", "viewer")
    assert gateway.client.post("/benchmark", json=BODY, headers=viewer).status_code == 403
    base = gateway.config.store.base_uri
    stop_admission(base, reason="new GPUs", by="ann", store=gateway.store, clock=gateway.clock)
    answer = gateway.client.post("/benchmark", json=BODY, headers=gateway.as_user("ann"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_admitting")
    assert answer.headers["Retry-After"]
    assert gateway.airflow.calls == []


def test_the_examples_of_the_documentation_are_requests() -> None:
    for example in BenchmarkBody.model_json_schema()["examples"]:
        BenchmarkBody.model_validate(example)
