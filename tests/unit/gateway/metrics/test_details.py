from __future__ import annotations

import pytest

from fakes.exported_jobs import alert
from fakes.finished_jobs import trace_of
from fakes.gateway import FakeGateway, fake_gateway
from fakes.open_jobs import accepted_job
from llmbatch.core.alerts import Level
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import ObjectInfo
from llmbatch.gateway.metrics import details
from llmbatch.gateway.metrics.details import DetailsReader


def listed(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that each listing of a job's alerts is added to."""
    seen, inner = list[str](), gateway.store.list

    def counting(prefix: str) -> list[ObjectInfo]:
        if prefix.endswith("/alerts/"):
            seen.append(prefix.split("/")[-3])
        return list(inner(prefix))

    monkeypatch.setattr(gateway.store, "list", counting)
    return seen


def test_the_level_is_that_of_the_last_alert() -> None:
    gateway = fake_gateway()
    calm, worried, over = (accepted_job(gateway, name) for name in ("calm", "worried", "over"))
    alert(gateway, worried, Level.YELLOW, 10)
    alert(gateway, worried, Level.RED, 20)
    alert(gateway, over, Level.CRITICAL, 10)
    alert(gateway, over, Level.OK, 20)
    found = DetailsReader(gateway.store, None).read([calm, worried, over])
    assert [found[spec.job_id].level for spec in (calm, worried, over)] == [Level.OK, Level.RED, Level.OK]
    assert found[calm.job_id].usd is None


def test_the_cost_is_that_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    spec = accepted_job(gateway, "a")
    reader = DetailsReader(gateway.store, 3600.0)
    assert reader.read([spec])[spec.job_id].usd == 0
    gateway.store.put(spec.layout.trace(1), trace_of(spec, end=100.0).model_dump_json().encode())
    # 2 replicas of 2 GPUs: 5 s of loading, and 95 s from the first answer
    found = reader.read([spec])[spec.job_id]
    assert (found.usd, found.gpu_hours) == (pytest.approx(4 * (5 + 95)), pytest.approx(4 * (5 + 95) / 3600, abs=1e-6))
    assert DetailsReader(gateway.store, None).read([spec])[spec.job_id].gpu_hours == found.gpu_hours
    on_cpus = spec.model_copy(update={"job_id": "job-2", "engine": EngineSettings(accelerator=Accelerator.CPU)})
    monkeypatch.setattr(details, "read_traces", pytest.fail)
    found = reader.read([on_cpus])["job-2"]
    assert (found.usd, found.gpu_hours) == (None, None)


def test_a_job_that_is_gone_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    one, two = accepted_job(gateway, "1"), accepted_job(gateway, "2")
    reader = DetailsReader(gateway.store, None)
    assert set(reader.read([one, two])) == {one.job_id, two.job_id}
    assert set(reader.read([two])) == {two.job_id}


def test_many_jobs_take_turns_and_each_new_one_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(details, "LEAST_JOBS", 2)
    gateway = fake_gateway()
    specs: list[JobSpec] = [accepted_job(gateway, f"r{n}") for n in range(12)]
    reader, seen = DetailsReader(gateway.store, None), listed(gateway, monkeypatch)
    reader.read(specs)
    assert sorted(seen) == sorted(spec.job_id for spec in specs)
    rounds = []
    for _ in range(details.READINGS):
        seen.clear()
        reader.read(specs)
        rounds.append(list(seen))
    assert [len(each) for each in rounds] == [3, 3, 3, 3]
    assert {job_id for each in rounds for job_id in each} == {spec.job_id for spec in specs}
