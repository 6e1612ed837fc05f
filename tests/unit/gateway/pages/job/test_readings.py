"""What the page of a job reads, and keeps for seconds."""

from __future__ import annotations

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job
from fakes.job_inputs import put_inputs
from fakes.shown_jobs import beat_of, put_beat, put_control, put_rows, staged_row
from llmbatch.core.states import DesiredState
from llmbatch.gateway.jobs.documents import FIXED_SECONDS, LIVE_SECONDS
from llmbatch.gateway.pages.job import readings
from llmbatch.orchestrator.steering.service import stop_admission


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway(cost={"usd_per_gpu_hour": 3})


def test_requests_to_a_job_are_kept_for_seconds(gateway: FakeGateway) -> None:
    spec, found = put_job(gateway, "r"), gateway.parts.job_readings
    assert found.control(spec).desired is DesiredState.RUN
    put_control(gateway, spec, DesiredState.DRAIN)
    assert found.control(spec).desired is DesiredState.RUN
    gateway.clock.advance(LIVE_SECONDS)
    assert found.control(spec).desired is DesiredState.DRAIN


def test_whether_jobs_start(gateway: FakeGateway) -> None:
    assert gateway.parts.job_readings.admitting()
    stop_admission(gateway.config.store.base_uri, reason="x", by="ann", store=gateway.store, clock=gateway.clock)
    gateway.clock.advance(LIVE_SECONDS)
    assert not gateway.parts.job_readings.admitting()


def test_whether_rows_are_staged(gateway: FakeGateway) -> None:
    spec, found = put_job(gateway, "r"), gateway.parts.job_readings
    assert not found.is_staged(spec)
    put_rows(gateway, spec, [staged_row(1)])
    gateway.clock.advance(FIXED_SECONDS)
    assert found.is_staged(spec)


def test_the_cost_so_far_is_that_of_the_replicas(gateway: FakeGateway) -> None:
    spec = put_job(gateway, "r")
    put_beat(gateway, spec)
    cost = gateway.parts.job_readings.cost(spec, beat_of(spec))
    assert cost.gpu_hours > cost.replica_hours > 0
    assert cost.usd == pytest.approx(cost.gpu_hours * 3, rel=1e-4)
    assert cost.usd_per_million_tokens is not None
    again = put_job(gateway, "again").model_copy(update={"retry_of": spec.root_uri})
    assert gateway.parts.job_readings.cost(again, beat_of(again)).usd_per_million_tokens is None


def test_a_list_of_inputs_that_is_lost_or_long_is_left_out(
    gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, found = put_job(gateway, "lost"), gateway.parts.job_readings
    info = gateway.store.put("s3://b/in.jsonl", b"{}")
    there = put_job(gateway, "r")
    there = there.model_copy(update={"inputs": put_inputs(gateway.store, there.root_uri, [info])})
    assert (found.inputs(lost), [each.uri for each in found.inputs(there)]) == ((), ["s3://b/in.jsonl"])
    monkeypatch.setattr(readings, "MOST_INPUTS", 0)
    assert found.inputs(there) == ()
