"""``GET /queue`` over HTTP."""

from __future__ import annotations

from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_heartbeat, put_job, put_run
from llmbatch.core.admission import QueuedJob
from llmbatch.core.progress import EtaSeconds
from llmbatch.orchestrator.admission.queue import change_queue


def test_the_queue_has_the_jobs_that_are_not_over_in_order() -> None:
    gateway = fake_gateway()
    put_run(gateway, "over", "success")
    later = put_run(gateway, "later")
    sooner = put_run(gateway, "sooner", sla_hours=1)
    spec = put_job(gateway, "runs")
    put_heartbeat(gateway, spec)
    job = QueuedJob(
        job_id=later, root_uri="", deadline=spec.deadline, replicas=2, eta=EtaSeconds(p10=1, p50=60, p90=90)
    )
    change_queue(gateway.config.store.base_uri, gateway.store, lambda _: (job,))
    answer = gateway.client.get("/queue", headers=gateway.as_user("vic", "viewer"))
    jobs = answer.json()["jobs"]
    assert [job["job_id"] for job in jobs] == [spec.job_id, sooner, later]
    assert [job["state"] for job in jobs] == ["running", "queued", "queued"]
    assert jobs[1]["predicted_start"] is None
    assert (jobs[2]["predicted_start"] is None, jobs[2]["jobs_unknown"]) == (False, 1)
    headers = {**gateway.as_user("vic", "viewer"), "If-None-Match": answer.headers["etag"]}
    gateway.clock.advance(1)
    assert gateway.client.get("/queue", headers=headers).status_code == 304


def test_an_empty_queue_and_no_user() -> None:
    gateway = fake_gateway()
    assert gateway.client.get("/queue", headers=gateway.as_user("ann")).json() == {"jobs": []}
    assert gateway.client.get("/queue").status_code == 401
