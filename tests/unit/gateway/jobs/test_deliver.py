"""A delivery as a run of its DAG."""

from __future__ import annotations

import asyncio

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished
from llmbatch.core.identity import DELIVERY_DAG
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.deliver import StartedDelivery, start_delivery
from llmbatch.gateway.wire.failures import Failure


def started(gateway: FakeGateway, job_id: str, uri: str, role: str = "user") -> StartedDelivery:
    return asyncio.run(
        start_delivery(
            job_id, uri, caller=Caller("ann", f"Bearer {role}-ann"), airflow=gateway.airflow, config=gateway.config,
            store=gateway.store, clock=gateway.clock,
        )
    )  # fmt: skip


def test_a_run_of_the_delivery_dag_with_the_rights_of_the_caller() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    found = started(gateway, spec.job_id, "s3://b/second")
    assert (found.output_uri, found.dag_id) == (f"s3://b/second/{spec.job_id}/", DELIVERY_DAG)
    run = gateway.airflow.dag_runs[DELIVERY_DAG, found.dag_run_id]
    assert (run.conf, run.triggering_user_name) == ({"job_id": spec.job_id, "output_uri": "s3://b/second"}, "ann")
    with pytest.raises(Failure, match="refuses"):
        started(gateway, spec.job_id, "s3://b/second", "viewer")


def test_an_address_that_is_not_allowed_starts_nothing() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    with pytest.raises(Failure, match="allowed_outputs") as caught:
        started(gateway, spec.job_id, "s3://other/x")
    assert (caught.value.status, caught.value.param, gateway.airflow.calls) == (400, "output_uri", [])
