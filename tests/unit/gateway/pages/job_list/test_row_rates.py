from __future__ import annotations

import pytest

from fakes.finished_jobs import trace_of
from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job
from llmbatch.core.store import ObjectInfo
from llmbatch.gateway.pages.job_list import row_rates as module
from llmbatch.gateway.pages.job_list.row_rates import TRACE_SECONDS, StoredEstimates


def estimates(gateway: FakeGateway) -> StoredEstimates:
    return StoredEstimates(BASE, gateway.store, gateway.clock)


def test_the_points_of_all_generations_are_in_order() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "a")
    for generation, begin in ((2, 3600.0), (1, 0.0)):
        trace = trace_of(spec, generation, begin=begin, end=begin + 1800)
        gateway.store.put(spec.layout.trace(generation), trace.model_dump_json().encode())
    found = estimates(gateway).read([spec.job_id, "job-0000000000000000"])
    points = found[spec.job_id]
    assert len(points) == 42
    assert list(points) == sorted(points, key=lambda point: point.at)
    assert found["job-0000000000000000"] == ()


def test_estimates_are_read_once_in_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "a")
    reader, listed, inner = estimates(gateway), list[str](), gateway.store.list

    def counting(prefix: str) -> list[ObjectInfo]:
        listed.append(prefix)
        return list(inner(prefix))

    monkeypatch.setattr(gateway.store, "list", counting)
    for seconds in (0.0, TRACE_SECONDS - 1, 1):
        gateway.clock.advance(seconds)
        reader.read([spec.job_id])
    assert len(listed) == 2


def test_only_some_jobs_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_JOBS", 2)
    assert set(estimates(fake_gateway()).read(["job-a", "job-b", "job-c"])) == {"job-a", "job-b"}
