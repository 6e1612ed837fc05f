"""The environment of vLLM's engine processes."""

from __future__ import annotations

import pytest

from llmbatch.cluster.engines.cpu_binding import computes_in_core, engine_environment
from llmbatch.core.engine_settings import Accelerator, EngineSettings


def test_an_engine_on_all_cores_has_a_thread_for_each_and_no_worker_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as Ray sets it
    environment = engine_environment(EngineSettings(), cores=range(4))
    assert environment["OMP_NUM_THREADS"] == "4"
    assert "VLLM_CPU_OMP_THREADS_BIND" not in environment
    assert computes_in_core(EngineSettings())


def test_bound_threads_are_left_to_vllm() -> None:
    bound = EngineSettings(cpu_threads_bind="1,3")
    environment = engine_environment(bound, cores=range(4))
    assert environment["VLLM_CPU_OMP_THREADS_BIND"] == "1,3"
    assert not any(name.startswith(("OMP_", "KMP_")) for name in environment)
    assert not computes_in_core(bound)


def test_cpu_engines_have_a_cache_and_gpu_engines_no_cpu_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/lib/mine.so")
    environment = engine_environment(EngineSettings(cpu_kvcache_gib=3), cores=range(4))
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "3"
    assert "/lib/mine.so" in environment["LD_PRELOAD"].split(":")
    gpu = engine_environment(EngineSettings(accelerator=Accelerator.GPU))
    assert not any(name.startswith(("VLLM_CPU", "LD_", "OMP_", "KMP_")) for name in gpu)
    assert gpu["VLLM_NO_USAGE_STATS"] == "1"
