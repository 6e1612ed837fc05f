"""``POST /start`` over HTTP."""

from __future__ import annotations

import pytest
from httpx2 import Response

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job
from llmbatch.core.admission import Admission, Feasibility
from llmbatch.core.errors import RequestError
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_request import parse_request
from llmbatch.gateway.routers.start import EXAMPLES, checked_request, wait_seconds
from llmbatch.gateway.wire.failures import Failure

BODY = {"input_uri": "s3://b/x.jsonl", "sla_hours": 2, "priority": None}


def _start(gateway: FakeGateway, body: object = BODY, token: str = "user-ann", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.post("/start", json=body, headers={"Authorization": f"Bearer {token}", **named})


def test_a_start_is_a_run_with_the_rights_of_the_caller() -> None:
    gateway = fake_gateway()
    answer = _start(gateway)
    body = answer.json()
    assert (answer.status_code, body["state"], body["admission"]) == (202, "queued", None)
    assert body["deadline"] == "2030-01-01T02:00:00Z"
    assert answer.headers["location"] == f"/jobs/{body['job_id']}"
    (run,) = gateway.airflow.dag_runs.values()
    assert (run.dag_run_id, run.conf) == (body["dag_run_id"], {"input_uri": "s3://b/x.jsonl", "sla_hours": 2})
    assert run.dag_run_id.startswith("api__20300101T000000__")
    assert gateway.client.get(answer.headers["location"], headers=gateway.as_user("ann")).status_code == 200


def test_a_viewer_may_not_start_and_no_user_is_not_known() -> None:
    gateway = fake_gateway()
    assert [_start(gateway, token=token).status_code for token in ("viewer-ann", "nobody")] == [403, 401]
    assert gateway.airflow.dag_runs == {}


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"input_url": "s3://b/x"}, "input_url", "Did you mean 'input_uri'?"),
        ({"input_uri": "s3://b/x", "engine": {"batchsize": 1}}, "engine.batchsize", "Did you mean 'batch_size'?"),
        ({}, "input_uri", "is required"),
        ({"input_uri": "http://x/y"}, "input_uri", "is not an address"),
        ({"input_uri": "s3://b/x", "sla_hours": -1}, "sla_hours", "got -1"),
        ([], None, "not a JSON object"),
        ("text", None, "not a JSON object"),
    ],
)
def test_a_wrong_body_is_answered_with_field_and_fix(body: object, param: str | None, words: str) -> None:
    gateway = fake_gateway()
    answer = _start(gateway, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert words in answer.json()["error"]["message"]
    assert gateway.airflow.dag_runs == {}


def test_the_same_key_and_request_is_the_same_job_and_another_request_a_conflict() -> None:
    gateway = fake_gateway()
    first = _start(gateway, Idempotency_Key="k 1")
    assert (gateway.airflow.dag_runs[INFERENCE_DAG, first.json()["dag_run_id"]].conf or {})["idempotency_key"] == "k 1"
    assert _start(gateway, Idempotency_Key="k 1").json() == first.json()
    assert _start(gateway, {**BODY, "idempotency_key": "k 1"}).json() == first.json()
    other = _start(gateway, {**BODY, "sla_hours": 3}, Idempotency_Key="k 1")
    assert (other.status_code, other.json()["error"]["type"]) == (409, "conflict_error")
    assert len(gateway.airflow.dag_runs) == 1


def test_two_different_keys_are_refused() -> None:
    answer = _start(fake_gateway(), {**BODY, "idempotency_key": "a"}, Idempotency_Key="b")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "idempotency_key")


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
def test_a_key_is_short_printable_text(key: str) -> None:
    assert 400 <= _start(fake_gateway(), Idempotency_Key=key).status_code < 500


def test_wait_returns_the_admission() -> None:
    gateway = fake_gateway()
    first = _start(gateway, Idempotency_Key="k").json()
    spec = put_job(gateway, first["dag_run_id"])
    now = gateway.clock.now()
    decision = Admission(
        job_id=spec.job_id,
        verdict=Feasibility.AT_RISK,
        decided_at=now,
        deadline=now,
        eta_p50=60,
        replicas=1,
        reason="x",
    )
    gateway.store.put(spec.layout.admission, decision.model_dump_json().encode())
    gateway.airflow.dag_runs[INFERENCE_DAG, first["dag_run_id"]] = gateway.airflow.dag_runs[
        INFERENCE_DAG, first["dag_run_id"]
    ].model_copy(update={"conf": {**BODY, "idempotency_key": "k"}})
    gateway.airflow.tasks[INFERENCE_DAG, first["dag_run_id"]] = {"accept": "success"}
    answer = _start(gateway, Idempotency_Key="k", Prefer="respond-async, wait=5")
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=5")
    assert (answer.json()["job_id"], answer.json()["admission"]["verdict"]) == (spec.job_id, "at_risk")


def test_wait_returns_the_refusal() -> None:
    gateway = fake_gateway()
    run_id = _start(gateway, Idempotency_Key="k").json()["dag_run_id"]
    gateway.airflow.tasks[INFERENCE_DAG, run_id] = {"accept": "failed"}
    gateway.airflow.xcoms[INFERENCE_DAG, run_id, "accept", "failure"] = "input_uri: there is no object. Upload it."
    answer = _start(gateway, Idempotency_Key="k", Prefer="wait=1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "job_refused")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("wait=5", 5), ("respond-async, Wait = 10", 10), ('wait="7"; x=1', 7), ("wait=999999999", 30),
        ("wait=0", 0), ("wait=-1", None), ("wait=1.5", None), ("waiting=5", None), ("wait=" + "9" * 99, None),
    ],
)  # fmt: skip
def test_the_preference_is_read_as_rfc_7240_has_it(header: str | None, seconds: int | None) -> None:
    assert wait_seconds(header) == seconds


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_requests(name: str) -> None:
    try:
        parse_request(dict(EXAMPLES[name]["value"] or {}))
    except RequestError as error:
        pytest.fail(str(error))


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(Failure, match="not a JSON object"):
        checked_request(b"a=1", None)


def test_openapi_describes_the_fields_of_a_request() -> None:
    schema = fake_gateway().client.get("/openapi.json").json()
    body = schema["paths"]["/start"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/JobRequest"}
    assert set(body["examples"]) == set(EXAMPLES)
    assert "sla_hours" in schema["components"]["schemas"]["JobRequest"]["properties"]
