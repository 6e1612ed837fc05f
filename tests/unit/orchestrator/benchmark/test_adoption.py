"""The best setting as the default of its model."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.benchmarked import broken, measured, planned_jobs
from fakes.finished_jobs import BASE, NOW
from llmbatch.core.config import Config
from llmbatch.core.errors import StoreError
from llmbatch.core.layout import tuned_uri
from llmbatch.core.request_options import SpeedOptions
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.core.tuned import read_tuned
from llmbatch.orchestrator.benchmark.adoption import adopt
from llmbatch.orchestrator.benchmark.comparison import compare
from llmbatch.orchestrator.benchmark.report import BenchmarkReport

CONFIG = Config.model_validate(
    {"default_model": "small", "models": {"small": {"uri": "hub/small"}}, "store": {"base_uri": BASE}}
)
URI = tuned_uri(BASE, "small")


def reported(store: MemoryStore, *batch_sizes: int, benchmark_id: str = "bench-1") -> BenchmarkReport:
    jobs = planned_jobs(*batch_sizes)
    for number, job in enumerate(jobs, start=1):
        measured(store, job, 10_000 * number)
    return compare(
        jobs,
        benchmark_id=benchmark_id,
        run_id="manual",
        model="small",
        engine=CONFIG.engine,
        base_uri=BASE,
        store=store,
        now=NOW,
    )


def test_the_best_is_written_with_its_figures_and_who_adopted_it() -> None:
    store = MemoryStore()
    found = adopt(reported(store, 8, 16), CONFIG, store, by="ann", now=NOW)
    assert found is not None
    assert found == read_tuned(BASE, "small", store)
    assert (found.settings, found.adopted_by, found.adopted_at) == (SpeedOptions(batch_size=16), "ann", NOW)
    assert (found.benchmark_id, found.model_uri, found.output_tokens_per_second) == ("bench-1", "hub/small", 5.848)


def test_a_repeated_adoption_changes_nothing_and_a_later_benchmark_replaces_it() -> None:
    store = MemoryStore()
    report = reported(store, 8, 16)
    first = adopt(report, CONFIG, store, by="ann", now=NOW)
    assert adopt(report, CONFIG, store, by="ann", now=NOW + timedelta(hours=1)) == first
    assert adopt(reported(store, 8, benchmark_id="bench-2"), CONFIG, store, by="bob", now=NOW) != first
    store.put(URI, b"damaged")
    assert adopt(report, CONFIG, store, by="ann", now=NOW) == first


def test_there_may_be_nothing_to_adopt() -> None:
    store, jobs = MemoryStore(), planned_jobs(8)
    broken(store, jobs[0], "")
    failed = reported(MemoryStore(), 8).model_copy(update={"best": None})
    assert adopt(failed, CONFIG, store, by="ann", now=NOW) is None
    plain = reported(MemoryStore(), 8)
    only = plain.settings[0].model_copy(update={"setting": SpeedOptions()})
    assert adopt(plain.model_copy(update={"settings": (only,)}), CONFIG, store, by="ann", now=NOW) is None
    assert URI not in store.objects


@pytest.mark.parametrize("there", [True, False])
def test_two_benchmarks_at_once_do_not_overwrite_each_other(there: bool) -> None:
    class Raced(MemoryStore):
        """Another benchmark writes right after this one has looked."""

        def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
            self.objects[uri] = b"another"
            return super().replace(uri, body, etag)

        def create(self, uri: str, body: bytes) -> ObjectInfo:
            self.objects.setdefault(uri, b"another")
            return super().create(uri, body)

    store = Raced()
    report = reported(MemoryStore(), 8, 16)
    if there:
        store.put(URI, b"an older one")
    with pytest.raises(StoreError, match="Clear the task compare"):
        adopt(report, CONFIG, store, by="ann", now=NOW)
    assert store.objects[URI] == b"another"
