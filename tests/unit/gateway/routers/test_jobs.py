"""``GET /jobs`` and ``GET /jobs/{job_id}`` over HTTP."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_finished, put_heartbeat, put_job, put_run
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.jobs.documents import LIVE_SECONDS
from llmbatch.gateway.jobs.readings import PAGE_USABLE_SECONDS


def test_a_poll_is_304_until_the_next_heartbeat() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_heartbeat(gateway, spec)
    headers, path = gateway.as_user("vic", "viewer"), f"/jobs/{spec.job_id}"
    first = gateway.client.get(path, headers=headers)
    assert (first.status_code, first.json()["eta_hours"]) == (200, 0.5)
    gateway.clock.advance(LIVE_SECONDS)
    again = gateway.client.get(path, headers={**headers, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    put_heartbeat(gateway, spec, sequence=2)
    gateway.clock.advance(LIVE_SECONDS)
    assert gateway.client.get(path, headers={**headers, "If-None-Match": first.headers["etag"]}).status_code == 200
    assert gateway.airflow.reads == ["runs"] * 6  # running and failed ones, once for each poll


def test_a_change_of_the_status_alone_is_a_new_answer() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    headers, path = gateway.as_user("vic", "viewer"), f"/jobs/{spec.job_id}"
    etag = gateway.client.get(path, headers=headers).headers["etag"]
    gateway.clock.advance(3 * 3600)
    late = gateway.client.get(path, headers={**headers, "If-None-Match": etag})
    assert (late.status_code, late.json()["status"]) == (200, "violated")


def test_a_failed_job_says_what_failed() -> None:
    gateway = fake_gateway()
    job_id = put_run(gateway, "r", "failed")
    gateway.airflow.tasks[INFERENCE_DAG, "r"] = {"accept": "failed"}
    gateway.airflow.xcoms[INFERENCE_DAG, "r", "accept", "failure"] = "input_uri: no such bucket. Create it."
    error = gateway.client.get(f"/jobs/{job_id}", headers=gateway.as_user("ann")).json()["error"]
    assert error == {"task": "accept", "message": "input_uri: no such bucket. Create it."}


def test_pages_follow_each_other_and_their_etag_holds() -> None:
    gateway = fake_gateway()
    ids = [put_run(gateway, f"r{number}") for number in range(5)]
    headers = gateway.as_user("vic", "viewer")
    first = gateway.client.get("/jobs?limit=3", headers=headers)
    page = first.json()
    assert ([job["job_id"] for job in page["data"]], page["has_more"]) == (ids[:1:-1], True)
    rest = gateway.client.get(f"/jobs?limit=3&after={page['last_id']}", headers=headers).json()
    assert ([job["job_id"] for job in rest["data"]], rest["has_more"]) == (ids[1::-1], False)
    gateway.clock.advance(5)
    again = gateway.client.get("/jobs?limit=3", headers={**headers, "If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_a_page_is_read_once_in_a_while_for_each_caller_and_query() -> None:
    gateway = fake_gateway()
    put_run(gateway, "r0")
    ann, vic = gateway.as_user("ann"), gateway.as_user("vic", "viewer")

    def shown(path: str, headers: dict[str, str]) -> int:
        return len(gateway.client.get(path, headers=headers).json()["data"])

    assert [shown("/jobs", ann), shown("/jobs", vic), shown("/jobs?limit=5", ann)] == [1, 1, 1]
    put_run(gateway, "r1")
    assert [shown("/jobs", ann), shown("/jobs", vic), shown("/jobs?limit=5", ann)] == [1, 1, 1]
    assert gateway.airflow.reads == ["runs"] * 3
    gateway.clock.advance(PAGE_USABLE_SECONDS)
    assert [shown("/jobs", ann), shown("/jobs?limit=1", ann)] == [2, 1]


def test_a_page_and_a_job_are_newer_than_what_the_process_has_changed() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", "failed")
    op = gateway.as_user("op", "op")

    def states() -> list[str]:
        page, job = (gateway.client.get(path, headers=op).json() for path in ("/jobs", f"/jobs/{spec.job_id}"))
        return [page["data"][0]["state"], job["state"]]

    assert states() == ["failed"] * 2
    assert gateway.client.post(f"/jobs/{spec.job_id}/resume", headers=op).status_code == 202
    assert states() == ["queued"] * 2


def test_lists_choose_by_state_and_user() -> None:
    gateway = fake_gateway()
    put_run(gateway, "a", "success", "ann")
    done = put_run(gateway, "b", "success", "bob")
    page = gateway.client.get("/jobs?state=succeeded&user=bob", headers=gateway.as_user("ann")).json()
    assert [job["job_id"] for job in page["data"]] == [done]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=99999999999999999999", "limit=x", "state=done", "user="]
)
def test_a_wrong_query_is_refused(query: str) -> None:
    gateway = fake_gateway()
    assert 400 <= gateway.client.get(f"/jobs?{query}", headers=gateway.as_user("ann")).status_code < 500
    assert gateway.airflow.reads == []


@pytest.mark.parametrize("path", ["/jobs/job-1", "/jobs/%00", "/jobs?after=job-0000000000000009"])
def test_a_job_that_does_not_exist_is_404(path: str) -> None:
    gateway = fake_gateway()
    answer = gateway.client.get(path, headers=gateway.as_user("ann"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "job_not_found")


def test_no_user_sees_nothing() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    assert [gateway.client.get(path).status_code for path in ("/jobs", f"/jobs/{spec.job_id}")] == [401, 401]


def test_links_keep_the_place_where_the_api_is_mounted() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    outer = FastAPI()
    outer.mount("/llmbatch", gateway.client.app)
    links = TestClient(outer).get(f"/llmbatch/jobs/{spec.job_id}", headers=gateway.as_user("ann")).json()["links"]
    assert links["results"] == f"/llmbatch/jobs/{spec.job_id}/results"
    assert links["run"] == f"/dags/{INFERENCE_DAG}/runs/r"
    alone = fake_gateway(gateway={"airflow_url": "https://airflow/"})
    other = put_job(alone, "r")
    links = alone.client.get(f"/jobs/{other.job_id}", headers=alone.as_user("ann")).json()["links"]
    assert (links["self"], links["run"]) == (f"/jobs/{other.job_id}", f"https://airflow/dags/{INFERENCE_DAG}/runs/r")
