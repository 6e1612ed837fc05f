"""How long a scrape waits, and when its text is made."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from prometheus_client import CollectorRegistry

from fakes.exported_jobs import VIEWER, Series, full_gateway, scraped, series_of, value
from fakes.gateway import BASE, fake_gateway
from llmbatch.core.layout import queue_uri
from llmbatch.core.store import AgedBody
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.metrics import exporter as module
from llmbatch.gateway.metrics import exposition as exposition_module
from llmbatch.gateway.metrics.exporter import COLLECT_SECONDS
from llmbatch.gateway.metrics.exposition import Exposition

LAST_SUCCESS = "llmbatch_exporter_last_success_timestamp_seconds"
CALLER = Caller("prometheus", VIEWER["Authorization"])


def test_a_scrape_waits_briefly_for_a_slow_reading_while_the_last_one_is_usable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SOON_SECONDS", 0.05)
    monkeypatch.setattr(module, "WAIT_SECONDS", 60.0)
    gateway, works = full_gateway()
    gate, begun, inner = threading.Event(), list[int](), gateway.store.get_aged

    def slow(uri: str) -> AgedBody:
        if uri == queue_uri(BASE):
            begun.append(1)
            assert gate.wait(20)
        return inner(uri)

    async def scrape() -> Series:
        return series_of((await gateway.parts.exporter.scrape(CALLER, "")).body.decode())

    async def main() -> None:
        first = await scrape()
        monkeypatch.setattr(gateway.store, "get_aged", slow)
        for _ in range(3):
            gateway.clock.advance(COLLECT_SECONDS)
            meanwhile = await asyncio.wait_for(scrape(), 10)
            assert value(meanwhile, LAST_SUCCESS) == value(first, LAST_SUCCESS)
            assert value(meanwhile, "llmbatch_job_generation", job_id=works.job_id) == 2
        assert len(begun) == 1
        gateway.clock.advance(1)  # the last reading is too old: the scrape waits
        waiting = asyncio.create_task(scrape())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        gate.set()
        assert value(await waiting, LAST_SUCCESS) == gateway.clock.now().timestamp()

    asyncio.run(main())


def test_a_scrape_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
    gateway, gate = fake_gateway(), threading.Event()

    async def main() -> None:
        inner = gateway.store.get_aged

        def hang(uri: str) -> AgedBody:
            assert gate.wait(20)
            return inner(uri)

        monkeypatch.setattr(gateway.store, "get_aged", hang)
        found = await asyncio.wait_for(gateway.parts.exporter.scrape(CALLER, ""), 10)
        assert value(series_of(found.body.decode()), LAST_SUCCESS) is None
        gate.set()

    asyncio.run(main())


def test_a_text_is_made_once_for_each_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOON_SECONDS", 20.0)
    gateway, _ = full_gateway()
    while value(scraped(gateway), "llmbatch_sla_met_ratio") is None:
        time.sleep(0.01)  # until the report is there, which is made beside the scrapes
    made, inner = list[int](), exposition_module.exposition

    def counting(registry: CollectorRegistry, accept: str) -> Exposition:
        made.append(1)
        return inner(registry, accept)

    monkeypatch.setattr(exposition_module, "exposition", counting)
    for _ in range(2):
        for _ in range(3):
            gateway.clock.advance(1)
            scraped(gateway)
        gateway.clock.advance(COLLECT_SECONDS)
    assert len(made) == 1
