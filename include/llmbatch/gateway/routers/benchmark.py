"""``/benchmark``: compare settings of an engine on a sample of an input."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path
from pydantic import ConfigDict

from llmbatch.core.benchmark_request import BenchmarkRequest, parse_benchmark
from llmbatch.core.request_options import BatchSize, Concurrency
from llmbatch.gateway.jobs.benchmarks import (
    BENCHMARK_ID_PATTERN,
    Benchmark,
    StartedBenchmark,
    find_benchmark,
    start_benchmark,
)
from llmbatch.gateway.routers.dependencies import CallerDep, PartsDep, admitting

router = APIRouter(prefix="/benchmark", tags=["benchmark"])


class BenchmarkBody(BenchmarkRequest):
    """What a benchmark compares. ``batch_size`` and ``concurrency`` are lists of one value.

    ``input_uri`` is required: the rows of the sample come from it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"input_uri": "s3://bucket/prompts.jsonl", "batch_size": 256, "concurrency": 4, "num_samples": 100},
                {
                    "input_uri": "s3://bucket/prompts.jsonl",
                    "batch_sizes": [64, 128, 256],
                    "enforce_eager": [True, False],
                },
            ]
        }
    )

    batch_size: BatchSize | None = None
    concurrency: Concurrency | None = None


@router.post("", status_code=202, dependencies=[Depends(admitting)])
async def start(
    body: BenchmarkBody,
    caller: CallerDep,
    parts: PartsDep,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=200, description="The same key again returns the same benchmark.")
    ] = None,
) -> StartedBenchmark:
    """Start a benchmark: one job for each setting, one after the other, on the same sample of the input."""
    conf = body.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    parse_benchmark(conf).settings()
    return await start_benchmark(conf, key=idempotency_key, airflow=parts.airflow, caller=caller, clock=parts.clock)


@router.get("/{benchmark_id}")
async def show(
    benchmark_id: Annotated[str, Path(pattern=BENCHMARK_ID_PATTERN)], caller: CallerDep, parts: PartsDep
) -> Benchmark:
    """Return the report of a benchmark, and before the end the state of its run."""
    return await find_benchmark(
        benchmark_id,
        airflow=parts.airflow,
        authorization=caller.authorization,
        base_uri=parts.config.store.base_uri,
        store=parts.store,
    )
