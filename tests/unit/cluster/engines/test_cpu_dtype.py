"""The number format of a job that leaves it open."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.cluster.engines.cpu_dtype import dtype_of
from llmbatch.core.engine_settings import Accelerator, EngineSettings


@pytest.mark.parametrize(
    ("given", "can", "found"),
    [
        ({}, {"avx2": True, "avx512_bf16": False}, "float32"),
        ({}, {"avx512_f": True, "avx512_bf16": True}, "auto"),
        ({}, {"amx_bf16": True}, "auto"),
        ({"dtype": "bfloat16"}, {"avx2": True}, "bfloat16"),
        ({"accelerator": Accelerator.GPU}, {"avx2": True}, "auto"),
    ],
)
def test_a_cpu_that_cannot_compute_bfloat16_gets_float32(given: Any, can: dict[str, object], found: str) -> None:
    assert dtype_of(EngineSettings(**given), can) == found
