"""What is known of the real engine before it starts."""

from __future__ import annotations

from llmbatch.cluster.engines.vllm import VllmEngine
from llmbatch.core.engine_settings import EngineSettings


def test_before_the_start_there_are_no_counts() -> None:
    assert VllmEngine(EngineSettings(), "model").in_flight() is None
