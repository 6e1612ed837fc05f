"""Cost of a job: replicas multiplied by their time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.finished_jobs import NOW, spec_of, trace_of
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.orchestrator.history.cost import cost_of, work_seconds

GPU = EngineSettings(accelerator=Accelerator.GPU, gpus_per_replica=2, min_replicas=3)


@pytest.mark.parametrize(
    ("engine", "tokens", "price", "expected"),
    [
        (GPU, 1_000_000, 2.0, (2.0, 4.0, 8.0, 8.0)),
        (GPU, None, 2.0, (2.0, 4.0, 8.0, None)),
        (GPU, 1_000_000, None, (2.0, 4.0, None, None)),
        (GPU.model_copy(update={"accelerator": Accelerator.CPU}), 1_000_000, 2.0, (2.0, 0.0, None, None)),
    ],
)
def test_cost_is_replicas_by_time(
    engine: EngineSettings, tokens: int | None, price: float | None, expected: tuple[float | None, ...]
) -> None:
    # 180 s of load and 3420 s of work with two replicas: two replica hours.
    trace = trace_of(spec_of())
    begun = tuple(
        point.model_copy(update={"at": NOW + timedelta(seconds=180 + n * 171)})
        for n, point in enumerate(trace.points)
        if n
    )
    last = begun[0].model_copy(update={"at": NOW + timedelta(seconds=180)})
    trace = trace.model_copy(update={"points": (last, *begun)})
    found = cost_of(engine, [trace], {}, tokens=tokens, usd_per_gpu_hour=price)
    assert (found.replica_hours, found.gpu_hours, found.usd, found.usd_per_million_tokens) == pytest.approx(expected)


def test_cost_adds_generations_up_and_without_traces_takes_the_least() -> None:
    one = cost_of(GPU, [trace_of(spec_of())], {}, tokens=None, usd_per_gpu_hour=None)
    two = cost_of(GPU, [trace_of(spec_of()), trace_of(spec_of(), 2)], {}, tokens=None, usd_per_gpu_hour=None)
    assert two.replica_hours == pytest.approx(2 * one.replica_hours)
    none = cost_of(GPU, [], {"model_load": 600, "work": 2800, "tail": 200}, tokens=None, usd_per_gpu_hour=None)
    assert none.replica_hours == 3.0
    assert work_seconds([], {"model_load": 600, "work": 2800, "tail": 200}) == 3000
