"""Bounds of the tokens, and the cost, of a job that has not run."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.core.config_sections import CostConfig
from llmbatch.core.dry_run import Bounds, cost_of, prompt_tokens
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.progress import EtaSeconds


@pytest.mark.parametrize(
    ("accelerator", "usd", "expected"),
    [
        (Accelerator.CPU, 2.0, None),
        (Accelerator.GPU, None, ((4.0, 8.0, 16.0), None)),
        (Accelerator.GPU, 2.5, ((4.0, 8.0, 16.0), (10.0, 20.0, 40.0))),
    ],
)
def test_cost(accelerator: Accelerator, usd: float | None, expected: Any) -> None:
    engine = EngineSettings(accelerator=accelerator, max_replicas=2, gpus_per_replica=4)
    found = cost_of(EtaSeconds(p10=1800, p50=3600, p90=7200), engine, CostConfig(usd_per_gpu_hour=usd))
    assert (None if found is None else (found.gpu_hours, found.usd)) == expected
    assert cost_of(None, engine, CostConfig(usd_per_gpu_hour=usd)) is None


def test_a_prompt_s_bounds() -> None:
    assert prompt_tokens(80, 80) == Bounds(low=10, high=144)
    assert prompt_tokens(1, 3) == Bounds(low=1, high=67)
