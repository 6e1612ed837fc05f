"""What routes work with."""

from __future__ import annotations

from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_job


def test_the_reader_of_jobs_is_made_once_over_the_base_address() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    parts = gateway.parts
    assert parts.documents is parts.documents
    assert parts.documents.spec(spec.job_id) == spec


def test_the_exporter_is_made_once() -> None:
    parts = fake_gateway().parts
    assert parts.exporter is parts.exporter
