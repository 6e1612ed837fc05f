"""An engine is measured on a sample, and given up on after a while."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from llmbatch.cluster.engine_speed import measure
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EchoOptions, EngineKind, EngineSettings
from llmbatch.core.engine_speed import EngineSpeed
from llmbatch.core.rows import StagedRow

REQUEST = '{"messages": [{"role": "user", "content": "one two three"}], "max_tokens": 8}'


def rows(count: int, request: str = REQUEST) -> list[StagedRow]:
    return [StagedRow(f"r{n}", None, n, Endpoint.CHAT, request, len(request), 8, None, None) for n in range(count)]


def test_all_rows_are_counted_with_their_tokens() -> None:
    found = asyncio.run(measure(EchoEngine(EchoOptions()), rows(5), seconds=30))
    assert (found.rows, found.answered, found.output_tokens) == (5, 5, 15)
    assert found.seconds > 0


def test_a_row_that_fails_is_answered_without_tokens() -> None:
    engine = EchoEngine(EchoOptions(fail_marker="two"))
    found = asyncio.run(measure(engine, [*rows(1), *rows(1, REQUEST.replace("two", "2"))], seconds=30))
    assert (found.answered, found.output_tokens) == (2, 3)


def test_a_slow_engine_is_not_waited_for() -> None:
    found = asyncio.run(measure(EchoEngine(EchoOptions(seconds_per_row=3600)), rows(3), seconds=0.01))
    assert (found.rows, found.answered, found.output_tokens) == (3, 0, 0)


def test_command_starts_at_once_and_measures_on_request(tmp_path: Path) -> None:
    sample = tmp_path / "requests.jsonl"
    sample.write_text("\n".join([REQUEST] * 4))
    settings = EngineSettings(kind=EngineKind.ECHO)
    command = [sys.executable, "-m", "llmbatch.cluster.engine_speed", "--settings", settings.model_dump_json()]
    command += ["--model", "echo", "--requests", str(sample)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        answer, _ = process.communicate("go\n")
    assert process.returncode == 0
    found = EngineSpeed.model_validate_json(answer)
    assert (found.answered, found.output_tokens) == (4, 12)


def test_command_ends_without_a_measurement_when_its_caller_leaves(tmp_path: Path) -> None:
    sample = tmp_path / "requests.jsonl"
    sample.write_text(REQUEST)
    command = [sys.executable, "-m", "llmbatch.cluster.engine_speed", "--model", "echo", "--requests", str(sample)]
    command += ["--settings", EngineSettings(kind=EngineKind.ECHO).model_dump_json()]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, env=environment, input="", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ready\n")
