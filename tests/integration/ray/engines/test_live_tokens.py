"""The contract with vLLM: what ``VllmEngine`` reads of its open requests and of its steps is there, and means what we
think.

It is not a public interface. After an upgrade that renames or empties it, a job would show no live rate, or no
statistics, and give no other sign; so this fails instead.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fakes.ray_servers import REPOSITORY
from tiny_model import tiny_model

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ROWS, MAX_TOKENS = 8, 24


@pytest.fixture(scope="module")
def found() -> Any:
    """What ``engine_probe`` prints."""
    command = [sys.executable, str(Path(__file__).with_name("engine_probe.py")), str(tiny_model()), str(ROWS)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "include")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=540, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_tokens_are_counted_while_no_row_has_an_answer(found: Any) -> None:
    assert found["answers"] == [MAX_TOKENS] * ROWS
    # counts: tasks done, tokens of requests that have ended, of open ones, prompt tokens read, prompt tokens open
    samples = [sample[:5] for sample in found["samples"]]
    before = [sample for sample in samples if sample[1] == 0]
    generated = [counts[2] for counts in before]
    assert any(0 < tokens < ROWS * MAX_TOKENS for tokens in generated), generated
    # A request that has ended is out of the engine's table a moment before it is counted: only then may the sum fall.
    assert all(now >= then for then, now in pairwise(generated[:-1])), generated
    assert max(ended + generated for _, ended, generated, *_ in samples) <= ROWS * MAX_TOKENS
    assert all(ended >= done * MAX_TOKENS for done, ended, *_ in samples), "an answer before its tokens"
    assert all(read <= open_ for *_, read, open_ in samples)
    assert any(read == open_ > 0 for *_, read, open_ in before), "no prompt counted as read before an answer"
    assert samples[-1][1:] == [ROWS * MAX_TOKENS, 0, 0, 0], samples[-1]


def test_statistics_show_the_cache_that_rows_use_and_those_that_had_to_leave_it(found: Any) -> None:
    assert found["before"] == {"kv_cache": 0, "preemptions": 0, "prefix_queries": 0, "prefix_hits": 0}
    kv_cache = [sample[5] for sample in found["samples"]]
    assert 0.8 < max(kv_cache) <= 1, kv_cache
    assert found["after"]["preemptions"] > 0


def test_statistics_show_what_a_shared_prompt_saves(found: Any) -> None:
    after, shared = found["after"], found["shared"]
    assert after["prefix_hits"] == 0
    assert shared["prefix_queries"] > after["prefix_queries"] > 0
    assert 0 < shared["prefix_hits"] < shared["prefix_queries"] - after["prefix_queries"]


def test_rows_are_answered_when_the_statistics_break(found: Any) -> None:
    assert found["broken_answers"] == [MAX_TOKENS] * ROWS
    assert found["broke"] is None
