from __future__ import annotations

import asyncio

import pytest

from fakes.gateway import FakeAirflow
from llmbatch.core.clock import ManualClock
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.jobs import active as module
from llmbatch.gateway.jobs.active import active_runs, open_runs


async def _runs(count: int) -> FakeAirflow:
    airflow = FakeAirflow(ManualClock())
    for n in range(count):
        await airflow.start_run("Bearer user-ann", INFERENCE_DAG, f"r{n}", {})
    return airflow


def test_all_pages_are_read_up_to_the_most_and_runs_that_are_over_are_left_out() -> None:
    async def main() -> None:
        airflow = await _runs(250)
        airflow.set_state(INFERENCE_DAG, "r7", "success")
        token = "Bearer viewer-ann"
        found = await active_runs(airflow, token, INFERENCE_DAG, most=1000)
        assert len(found) == 249
        assert (found[0].dag_run_id, "r7" in {run.dag_run_id for run in found}) == ("r249", False)
        assert len(await active_runs(airflow, token, INFERENCE_DAG, most=120)) == 120
        assert await active_runs(airflow, token, INFERENCE_DAG, most=10, states=("running",)) == ()

    asyncio.run(main())


def test_running_runs_come_before_those_that_wait() -> None:
    async def main() -> None:
        airflow = await _runs(4)
        airflow.set_state(INFERENCE_DAG, "r1", "running")
        found = await open_runs(airflow, "Bearer viewer-ann", INFERENCE_DAG, most=2)
        assert [run.dag_run_id for run in found] == ["r1", "r3", "r2"]

    asyncio.run(main())


def test_a_run_that_starts_between_the_two_calls_is_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        airflow = await _runs(1)
        (run,) = airflow.dag_runs.values()

        async def active(*_: object, states: tuple[str, ...], **__: object) -> tuple[object, ...]:
            return (run.model_copy(update={"state": states[0]}),)

        monkeypatch.setattr(module, "active_runs", active)
        assert len(await open_runs(airflow, "Bearer viewer-ann", INFERENCE_DAG, most=10)) == 1

    asyncio.run(main())
