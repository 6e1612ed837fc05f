"""What routes work with."""

from __future__ import annotations

from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_job
from llmbatch.gateway.access.access import Access
from llmbatch.gateway.parts import Parts


def test_the_reader_of_jobs_is_made_once_over_the_base_address() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    parts = Parts(gateway.config, gateway.store, gateway.airflow, Access(gateway.airflow, ()), gateway.clock)
    assert parts.documents is parts.documents
    assert parts.documents.spec(spec.job_id) == spec
