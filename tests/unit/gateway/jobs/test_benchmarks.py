from __future__ import annotations

import asyncio

import pytest

from fakes.gateway import FakeAirflow
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.benchmarks import Benchmark, StartedBenchmark, find_benchmark, start_benchmark
from llmbatch.gateway.wire.failures import Failure

ANN = Caller("ann", "Bearer user-ann")


def test_the_run_id_names_the_time_and_is_new_each_time() -> None:
    airflow = FakeAirflow(ManualClock())

    async def start() -> StartedBenchmark:
        return await start_benchmark({}, key=None, airflow=airflow, caller=ANN, clock=ManualClock())

    first, second = asyncio.run(start()), asyncio.run(start())
    assert first.dag_run_id.startswith("api__20300101T000000__")
    assert first.dag_run_id != second.dag_run_id


def test_only_the_newest_runs_are_searched() -> None:
    async def main() -> None:
        airflow = FakeAirflow(ManualClock())
        started = [
            await start_benchmark({}, key=None, airflow=airflow, caller=ANN, clock=ManualClock()) for _ in range(301)
        ]
        where = {"airflow": airflow, "base_uri": "s3://b/base", "store": MemoryStore()}
        second = await find_benchmark(started[1].benchmark_id, authorization=ANN.authorization, **where)  # type: ignore[arg-type]
        assert second.dag_run_id == started[1].dag_run_id
        with pytest.raises(Failure):
            await find_benchmark(started[0].benchmark_id, authorization=ANN.authorization, **where)  # type: ignore[arg-type]

    asyncio.run(main())


def test_the_examples_of_the_documentation_are_answers() -> None:
    for model in (StartedBenchmark, Benchmark):
        for example in model.model_json_schema()["examples"]:
            model.model_validate(example)
