"""What is known of the real engine before it starts."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from llmbatch.cluster.engines.vllm import VllmEngine, _engine_args
from llmbatch.core.engine_settings import EngineSettings


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record the arguments of vLLM, which takes ten seconds to import, in its place."""
    classes = {"vllm.config": "StructuredOutputsConfig", "vllm.engine.arg_utils": "AsyncEngineArgs"}
    for name in ("vllm", "vllm.config", "vllm.engine", "vllm.engine.arg_utils"):
        module = ModuleType(name)
        if name in classes:
            setattr(module, classes[name], SimpleNamespace)
        monkeypatch.setitem(sys.modules, name, module)


def test_before_the_start_there_are_no_counts() -> None:
    assert VllmEngine(EngineSettings(), "model").in_flight() is None


@pytest.mark.usefixtures("recorded")
def test_settings_reach_vllm_by_its_own_names_and_what_is_not_set_is_left_to_it() -> None:
    given = EngineSettings(dtype="float32", max_num_seqs=7, max_num_batched_tokens=99, enforce_eager=False)
    found = vars(_engine_args(given, "m", None))
    assert (found["max_num_seqs"], found["max_num_batched_tokens"], found["enforce_eager"]) == (7, 99, False)
    assert "enable_chunked_prefill" not in found
    assert (
        vars(_engine_args(given.model_copy(update={"chunked_prefill": False}), "m", None))["enable_chunked_prefill"]
        is False
    )
