"""The contract with vLLM: what ``VllmEngine`` reads of its open requests is there and means what we think.

It is not a public interface. After an upgrade that renames or empties it, a job would show no live rate and give no
other sign; so this fails instead.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from llmbatch.cluster.models.resolve import resolve_model
from llmbatch.core.engine_settings import EngineKind
from llmbatch.core.store import MemoryStore

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MODEL = "bundled:smollm2-135m-instruct"
ROWS, MAX_TOKENS = 8, 24
REPOSITORY = Path(__file__).parents[3]


def test_tokens_are_counted_while_no_row_has_an_answer() -> None:
    folder = resolve_model(MODEL, EngineKind.VLLM, MemoryStore()).path
    command = [sys.executable, str(Path(__file__).with_name("engine_probe.py")), folder, str(ROWS)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "include")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=540, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["answers"] == [MAX_TOKENS] * ROWS
    # counts: tasks done, tokens of requests that have ended, of open ones, prompt tokens read, prompt tokens open
    before = [sample for sample in found["samples"] if sample[1] == 0]
    generated = [counts[2] for counts in before]
    assert any(0 < tokens < ROWS * MAX_TOKENS for tokens in generated), generated
    # A request that has ended is out of the engine's table a moment before it is counted: only then may the sum fall.
    assert all(now >= then for then, now in pairwise(generated[:-1])), generated
    assert max(ended + generated for _, ended, generated, *_ in found["samples"]) <= ROWS * MAX_TOKENS
    assert all(ended >= done * MAX_TOKENS for done, ended, *_ in found["samples"]), "an answer before its tokens"
    assert all(read <= open_ for *_, read, open_ in found["samples"])
    assert any(read == open_ > 0 for *_, read, open_ in before), "no prompt counted as read before an answer"
    last = found["samples"][-1]
    assert last[1:] == [ROWS * MAX_TOKENS, 0, 0, 0], last
