"""The route of a job's figures."""

from __future__ import annotations

from fakes.gateway import fake_gateway
from fakes.page_jobs import put_halfway


def test_figures_are_polled_with_an_etag_in_the_readers_zone() -> None:
    gateway = fake_gateway()
    path = f"/ui/jobs/{put_halfway(gateway).job_id}/figures"
    ann = gateway.as_user("ann", "viewer")
    answer = gateway.client.get(path, params={"tz": "Asia/Kolkata"}, headers=ann)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found = answer.json()["figures"]
    assert set(found) == {"fan", "phases", "rates", "latency", "replicas", "shards"}
    assert "IST" in found["fan"]["summary"]
    same = {**ann, "If-None-Match": answer.headers["etag"]}
    assert gateway.client.get(path, params={"tz": "Asia/Kolkata"}, headers=same).status_code == 304
    assert gateway.client.get(path, headers=same).status_code == 200


def test_who_may_not_read_jobs_sees_no_figure() -> None:
    gateway = fake_gateway()
    path = f"/ui/jobs/{put_halfway(gateway).job_id}/figures"
    assert gateway.client.get(path).status_code == 401
    assert gateway.client.get(path, headers={"Authorization": "Bearer nobody-eve"}).status_code == 401


def test_an_unknown_job_is_not_found() -> None:
    gateway = fake_gateway()
    for job_id in ("job-0000000000000000", "x"):
        answer = gateway.client.get(f"/ui/jobs/{job_id}/figures", headers=gateway.as_user("ann"))
        assert answer.status_code == 404
