"""The settings choose the engine."""

from __future__ import annotations

import asyncio

import pytest

from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.cluster.engines.factory import make_engine
from llmbatch.cluster.engines.vllm.engine import VllmEngine
from llmbatch.core.engine_settings import EchoOptions, EngineKind, EngineSettings
from llmbatch.core.errors import RowError
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass


def test_the_fake_engine_gets_its_options_and_the_longest_prompt(make) -> None:
    settings = EngineSettings(kind=EngineKind.ECHO, max_model_len=16, echo=EchoOptions(fail_marker="FAIL"))
    engine = make_engine(settings, Serving(name="m"), "echo")
    assert isinstance(engine, EchoEngine)
    for text, error_class in (("a " * 16, ErrorClass.TOO_LONG), ("a FAIL", ErrorClass.ENGINE)):
        with pytest.raises(RowError) as caught:
            asyncio.run(engine.generate(make.chat(1, text), "id"))
        assert caught.value.error_class is error_class


def test_the_real_engine_is_the_default_and_is_not_started() -> None:
    engine = make_engine(EngineSettings(), Serving(), "/models/m")
    assert isinstance(engine, VllmEngine)
    assert engine.in_flight() is None
