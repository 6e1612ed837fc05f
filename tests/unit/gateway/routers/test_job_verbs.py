"""``POST /jobs/{job_id}/…`` over HTTP."""

from __future__ import annotations

import pytest

from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_finished, put_job, put_run
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_request import parse_request
from llmbatch.gateway.routers.job_verbs import RETRY_EXAMPLES, Reason, Scale

VERBS = ["cancel", "drain", "pause", "resume", "scale"]
BODIES: dict[str, dict[str, object]] = {"scale": {"min": 1, "max": 2}}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_needs_the_right_to_edit_and_is_noted_first(verb: str) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    path, body = f"/jobs/{spec.job_id}/{verb}", {**BODIES.get(verb, {}), "reason": "because"}
    refused = [
        gateway.client.post(path, json=body, headers=gateway.as_user("ann", role)) for role in ("viewer", "user")
    ]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert (gateway.client.post(path, json=body).status_code, gateway.airflow.calls) == (401, [])
    answer = gateway.client.post(path, json=body, headers=gateway.as_user("ann", "op"))
    assert (answer.status_code, answer.json()["job_id"]) == (202, spec.job_id)
    assert gateway.airflow.calls[0][0] == "note_run"
    assert "because" in gateway.airflow.calls[0][3]


@pytest.mark.parametrize("verb", ["cancel", "drain", "pause", "resume"])
def test_the_body_may_be_left_out(verb: str) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    answer = gateway.client.post(f"/jobs/{spec.job_id}/{verb}", headers=gateway.as_user("ann", "op"))
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("cancel", {"reasn": "x"}),
        ("cancel", {"reason": "x" * 501}),
        ("scale", {"min": 3, "max": 2}),
        ("scale", {"min": 0, "max": 2}),
        ("scale", {"min": 1, "max": 10**30}),
        ("scale", {"min": 1, "max": 17}),
        ("scale", {}),
    ],
)
def test_a_wrong_body_changes_nothing(verb: str, body: dict[str, object]) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    answer = gateway.client.post(f"/jobs/{spec.job_id}/{verb}", json=body, headers=gateway.as_user("ann", "op"))
    assert 400 <= answer.status_code < 500
    assert (gateway.airflow.calls, spec.layout.control in gateway.store.objects) == ([], False)


@pytest.mark.parametrize("verb", [*VERBS, "retry-failed"])
def test_an_unknown_job_and_a_wrong_method(verb: str) -> None:
    gateway = fake_gateway()
    headers, body = gateway.as_user("ann", "op"), BODIES.get(verb, {})
    for job_id in ("job-0000000000000009", "job-x", "..%2fx"):
        assert gateway.client.post(f"/jobs/{job_id}/{verb}", json=body, headers=headers).status_code == 404
    assert gateway.client.get(f"/jobs/job-0000000000000009/{verb}", headers=headers).status_code == 405


def test_a_retry_is_a_new_job_of_the_owner() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    path = f"/jobs/{spec.job_id}/retry-failed"
    answer = gateway.client.post(path, json={"sla_hours": 2}, headers=gateway.as_user("ann"))
    body = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/jobs/{body['job_id']}")
    run = gateway.airflow.dag_runs[INFERENCE_DAG, body["dag_run_id"]]
    assert run.conf == {"sla_hours": 2, "retry_failed_of": spec.job_id}
    assert gateway.client.post(path, json={"sla_hours": 2}, headers=gateway.as_user("ann")).json() == body
    assert gateway.client.post(path, headers=gateway.as_user("ann")).json()["job_id"] != body["job_id"]
    assert gateway.client.post(path, headers=gateway.as_user("bob", "op")).status_code == 404
    assert gateway.client.post(path, headers=gateway.as_user("ann", "viewer")).status_code == 403


def test_a_retry_needs_a_finished_job_and_known_fields() -> None:
    gateway = fake_gateway()
    headers = gateway.as_user("ann")
    job_id = put_run(gateway, "waits")
    answer = gateway.client.post(f"/jobs/{job_id}/retry-failed", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_not_finished")
    spec = put_finished(gateway)
    answer = gateway.client.post(f"/jobs/{spec.job_id}/retry-failed", json={"sla_hour": 1}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "sla_hour")


def test_a_delivery_is_for_the_owner_of_a_finished_job() -> None:
    gateway = fake_gateway()
    spec, running = put_finished(gateway), put_job(gateway, "runs")
    body = {"output_uri": "s3://b/second"}

    def post(job_id: str, name: str = "ann", role: str = "user", **more: object) -> int:
        path = f"/jobs/{job_id}/deliver"
        return gateway.client.post(path, json={**body, **more}, headers=gateway.as_user(name, role)).status_code

    assert (post(spec.job_id, "bob", "op"), post(running.job_id), post(spec.job_id, role="viewer")) == (404, 409, 403)
    assert (post(spec.job_id, output_uri="s3://other/x"), post(spec.job_id, x=1)) == (400, 400)
    assert gateway.airflow.calls == []
    assert (post(spec.job_id), gateway.airflow.calls[0][0]) == (202, "start_run")


def test_the_examples_are_valid() -> None:
    for model in (Reason, Scale):
        for example in model.model_json_schema()["examples"]:
            model.model_validate(example)
    for example in RETRY_EXAMPLES.values():
        parse_request({**(example["value"] or {}), "retry_failed_of": "job-0123456789abcdef"})
