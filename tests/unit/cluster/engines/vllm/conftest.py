"""vLLM itself, imported once: its own models and its own parser are what the modules under test speak to."""

from __future__ import annotations

import importlib
import os
import warnings
from unittest import mock

import pytest

MODULES = (
    "vllm.entrypoints.launchers.cli_args",
    "vllm.entrypoints.openai.responses.protocol",
    "vllm.v1.engine.exceptions",
    "vllm.v1.structured_output.backend_guidance",
)


@pytest.fixture(scope="session", autouse=True)
def _vllm() -> None:
    """Import takes seven seconds of CPU, and other libraries warn in it."""
    environment = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
    with mock.patch.dict(os.environ, environment), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in MODULES:
            importlib.import_module(name)
