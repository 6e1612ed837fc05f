"""Every route that starts a job refuses it while the service is shut down, and changes nothing."""

from __future__ import annotations

import pytest

from fakes.gateway import BASE, fake_gateway
from fakes.gateway_jobs import put_job
from llmbatch.orchestrator.steering.service import start_admission, stop_admission

BATCH = {
    "input_file_id": "file-0123456789abcdef01234567",
    "endpoint": "/v1/chat/completions",
    "completion_window": "24h",
}


@pytest.mark.parametrize("route", ["/start", "/benchmark", "/jobs/{job}/retry-failed", "/v1/batches"])
def test_nothing_starts_between_shutdown_and_resume(route: str) -> None:
    gateway = fake_gateway()
    path = route.format(job=put_job(gateway, "r").job_id)
    body: dict[str, object] = BATCH if route == "/v1/batches" else {"input_uri": "s3://b/in.jsonl"}
    if "retry" in route:
        body = {}
    stop_admission(BASE, reason="new GPUs", by="ann", store=gateway.store, clock=gateway.clock)
    before = dict(gateway.store.objects)
    refused = gateway.client.post(path, json=body, headers=gateway.as_user("ann"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_admitting")
    assert "new GPUs" in refused.json()["error"]["message"]
    assert refused.headers["retry-after"]
    assert (gateway.store.objects, [call[0] for call in gateway.airflow.calls]) == (before, [])
    start_admission(BASE, by="ann", store=gateway.store, clock=gateway.clock)
    assert gateway.client.post(path, json=body, headers=gateway.as_user("ann")).status_code != 503
