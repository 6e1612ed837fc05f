"""The environment of vLLM's engine processes."""

from __future__ import annotations

import pytest

from llmbatch.cluster.engines.cpu_binding import engine_environment, ranges
from llmbatch.core.engine_settings import Accelerator, EngineSettings


@pytest.mark.parametrize(
    ("cores", "text"), [([0], "0"), ([0, 1], "0-1"), ([3, 1, 0, 2, 7], "0-3,7"), ([2, 4, 5], "2,4-5"), ([], "")]
)
def test_core_ranges(cores: list[int], text: str) -> None:
    assert ranges(cores) == text


def test_cpu_engines_get_all_cores_and_gpu_engines_no_cpu_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/lib/mine.so")
    environment = engine_environment(EngineSettings(cpu_kvcache_gib=3), cores=range(4))
    assert environment["VLLM_CPU_OMP_THREADS_BIND"] == "0-3"
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "3"
    assert "/lib/mine.so" in environment["LD_PRELOAD"].split(":")
    assert engine_environment(EngineSettings(cpu_threads_bind="1,3"))["VLLM_CPU_OMP_THREADS_BIND"] == "1,3"
    gpu = engine_environment(EngineSettings(accelerator=Accelerator.GPU))
    assert not any(name.startswith(("VLLM_CPU", "LD_")) for name in gpu)
    assert gpu["VLLM_NO_USAGE_STATS"] == "1"
