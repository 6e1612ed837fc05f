"""Adopted settings of the model ``small``."""

from __future__ import annotations

from datetime import UTC, datetime

from llmbatch.core.engine_settings import Accelerator
from llmbatch.core.request_options import SpeedOptions
from llmbatch.core.tuned import Tuned

BASE = "s3://llmbatch/llmbatch"
BENCHMARK = "bench-00000000000000aa"


def tuned(benchmark_id: str = BENCHMARK, *, model_uri: str = "hub/small", **settings: object) -> Tuned:
    return Tuned(
        model="small",
        model_uri=model_uri,
        accelerator=Accelerator.CPU,
        benchmark_id=benchmark_id,
        settings=SpeedOptions.model_validate(settings),
        requests_per_second=2.0,
        output_tokens_per_second=50.0,
        adopted_at=datetime(2030, 1, 1, tzinfo=UTC),
        adopted_by="ann",
    )
