"""What a scrape shows of a deployment, and what it costs."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter

import pytest

from fakes.exported_jobs import VIEWER, Series, full_beat, full_gateway, scraped, value
from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job
from fakes.open_jobs import accepted_job, run_of
from llmbatch.core.errors import StoreError
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.metrics import CATALOGUE, Kind, Metric, Source
from llmbatch.core.store import AgedBody
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs import sla_status
from llmbatch.gateway.metrics import exporter as module
from llmbatch.gateway.metrics.exporter import COLLECT_SECONDS, REASONS
from llmbatch.gateway.wire.failures import Failure, unavailable

LAST_SUCCESS = "llmbatch_exporter_last_success_timestamp_seconds"
EXPORTED = tuple(metric for metric in CATALOGUE if metric.source in (Source.STATE, Source.EXPORTER))
CALLER = Caller("prometheus", VIEWER["Authorization"])
MOST_SERIES_OF_A_JOB = 60


@pytest.fixture(autouse=True)
def _scrapes_wait_for_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is."""
    monkeypatch.setattr(module, "SOON_SECONDS", 20.0)


def names_of(metric: Metric) -> set[str]:
    if metric.kind is Kind.HISTOGRAM:
        return {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    return {metric.name}


def with_report(gateway: FakeGateway) -> Series:
    """Return a scrape that has the figures of the report, which is made beside the first one."""
    deadline = time.monotonic() + 20
    while value(found := scraped(gateway), "llmbatch_sla_met_ratio") is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def errors(series: Series) -> dict[str, float]:
    found = {reason: value(series, "llmbatch_exporter_errors_total", reason=reason) for reason in REASONS}
    return {reason: count for reason, count in found.items() if count}


def break_store(gateway: FakeGateway, patch: pytest.MonkeyPatch) -> None:
    def fail(uri: str) -> None:
        raise StoreError("down")

    for method in ("get", "get_aged", "head", "list"):
        patch.setattr(gateway.store, method, fail)


def break_airflow(gateway: FakeGateway, patch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise unavailable("Airflow does not answer.")

    for method in ("runs", "user_name"):
        patch.setattr(gateway.airflow, method, fail)


def test_the_scrape_has_each_metric_of_the_catalogue_and_no_other() -> None:
    gateway, _ = full_gateway()
    found = {name for name, _ in with_report(gateway)}
    assert found == {name for metric in EXPORTED for name in names_of(metric)}


@pytest.mark.parametrize("metric", EXPORTED, ids=lambda metric: metric.name)
def test_a_metric_has_the_labels_of_the_catalogue(metric: Metric) -> None:
    gateway, _ = full_gateway()
    labels = {frozenset(dict(has)) - {"le"} for name, has in with_report(gateway) if name in names_of(metric)}
    assert labels == {frozenset(metric.labels)}


def test_a_job_that_ends_takes_its_series_along() -> None:
    gateway, works = full_gateway()
    of_job = [key for key in scraped(gateway) if ("job_id", works.job_id) in key[1]]
    assert len(of_job) > 40
    gateway.airflow.set_state(INFERENCE_DAG, works.run_id, "success", gateway.clock.now())
    gateway.clock.advance(COLLECT_SECONDS)
    assert [key for key in scraped(gateway) if ("job_id", works.job_id) in key[1]] == []


def test_the_state_is_read_at_most_once_in_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    spec = accepted_job(gateway, "a")
    full_beat(gateway, spec)
    reads, inner = Counter[str](), gateway.store.get_aged

    def counting(uri: str) -> AgedBody:
        reads[uri] += 1
        return inner(uri)

    monkeypatch.setattr(gateway.store, "get_aged", counting)

    async def scrapes() -> None:
        await asyncio.gather(*(gateway.parts.exporter.scrape(CALLER, "") for _ in range(5)))

    asyncio.run(scrapes())
    gateway.clock.advance(COLLECT_SECONDS - 0.1)
    asyncio.run(scrapes())
    assert reads[spec.layout.progress] == 1
    gateway.clock.advance(0.1)
    asyncio.run(scrapes())
    assert reads[spec.layout.progress] == 2


def test_pages_and_scrapes_share_a_reading() -> None:
    gateway = fake_gateway()
    spec = accepted_job(gateway, "a")
    full_beat(gateway, spec)
    exporter = gateway.parts.exporter
    asyncio.run(exporter.scrape(CALLER, ""))
    gateway.airflow.reads.clear()
    found = asyncio.run(exporter.reading(CALLER))
    assert found is not None
    assert [job.found.job_id for job in found.jobs] == [spec.job_id]
    assert gateway.airflow.reads == []
    gateway.clock.advance(COLLECT_SECONDS)
    assert asyncio.run(exporter.reading(CALLER)) is not found


def test_a_reading_needs_a_reader_of_jobs() -> None:
    with pytest.raises(Failure):
        asyncio.run(fake_gateway().parts.exporter.reading(Caller("x", "Bearer nobody")))


@pytest.mark.parametrize(("part", "reason"), [("store", "store"), ("airflow", "airflow")])
def test_while_a_part_fails_the_last_state_is_shown_with_its_time(
    monkeypatch: pytest.MonkeyPatch, part: str, reason: str
) -> None:
    gateway, works = full_gateway()
    before = with_report(gateway)
    with monkeypatch.context() as patch:
        {"store": break_store, "airflow": break_airflow}[part](gateway, patch)
        gateway.clock.advance(COLLECT_SECONDS)
        meanwhile = scraped(gateway)
    assert (value(before, LAST_SUCCESS), errors(before)) == (value(meanwhile, LAST_SUCCESS), {})
    assert errors(meanwhile)[reason] == 1  # the report, which is read beside scrapes, may fail too
    assert value(meanwhile, "llmbatch_job_rows", job_id=works.job_id, state="succeeded") == 30
    gateway.clock.advance(COLLECT_SECONDS)
    after = scraped(gateway)
    assert value(after, LAST_SUCCESS) == gateway.clock.now().timestamp()
    assert errors(after)[reason] == 1


def test_before_the_first_success_there_is_no_time_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, _ = full_gateway()
    break_store(gateway, monkeypatch)
    found = scraped(gateway)
    assert (value(found, LAST_SUCCESS), value(found, "llmbatch_build_info")) == (None, 1)
    assert errors(found)["store"] == 1


def test_an_error_of_the_exporter_itself_is_counted_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway, _ = full_gateway()

    def fail(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(module, "add_job", fail)
    assert errors(scraped(gateway)) == {"internal": 1}
    assert "event=metrics_not_read reason=internal" in caplog.text


def test_a_report_that_fails_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr(module, "figures", fail)
    gateway, _ = full_gateway()
    deadline = time.monotonic() + 20
    while errors(scraped(gateway)) != {"report": 1}:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_names_from_users_cannot_forge_series() -> None:
    gateway = fake_gateway()
    hostile = 'x"} 1\nllmbatch_admitting 0\n\x00\ud800' + "a" * 5000
    run_of(gateway, "r", "queued", model=hostile)
    put_job(gateway, "s", owner="o\n" * 300, model_name="m\r\u2028" * 300)
    found = scraped(gateway)
    assert value(found, "llmbatch_admitting") == 1
    info = [dict(has) for name, has in found if name == "llmbatch_job_info"]
    assert len(info) == 2
    assert max(len(text) for each in info for text in each.values()) < 300


def test_no_text_of_a_request_is_shown() -> None:
    gateway = fake_gateway()
    run_of(gateway, "r", "queued", system_prompt="a secret", input_uri="s3://b/private", model={"a": ["secret"]})
    text = gateway.client.get("/metrics", headers=VIEWER).text
    assert "llmbatch_job_info" in text
    assert "secret" not in text
    assert "private" not in text


def test_the_number_of_series_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sla_status, "MOST_JOBS", 12)
    gateway, counts = fake_gateway(), list[int]()
    for number in range(16):
        full_beat(gateway, accepted_job(gateway, f"r{number}"))
        gateway.clock.advance(COLLECT_SECONDS)
        counts.append(len(scraped(gateway)))
    steps = [after - before for before, after in itertools.pairwise(counts)]
    assert 40 < steps[5] <= MOST_SERIES_OF_A_JOB
    assert steps[12:] == [0, 0, 0]
