"""The fake engine: deterministic answers and token counts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from llmbatch.cluster.engines.base import InFlight
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.core.engine_settings import EchoOptions
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass


def test_echo_is_deterministic_counts_words_and_stops_at_max_tokens(make) -> None:
    engine = EchoEngine(EchoOptions(), max_model_len=5)
    answer = asyncio.run(engine.generate(make.chat(1, "a b c d", max_tokens=2)))
    assert (answer.text, answer.finish_reason) == ("echo: a b", "length")
    assert (answer.prompt_tokens, answer.completion_tokens) == (4, 2)
    with pytest.raises(RowError) as caught:
        asyncio.run(engine.generate(make.chat(1, "a b c d e")))
    assert caught.value.error_class is ErrorClass.TOO_LONG


def test_echo_counts_prompts_at_once_and_answers_when_they_are_there(make) -> None:
    async def run() -> list[InFlight]:
        engine = EchoEngine(EchoOptions(seconds_per_row=0.01))
        rows = [asyncio.create_task(engine.generate(make.chat(n, "a b c", max_tokens=2))) for n in range(4)]
        found = [engine.in_flight()]
        await asyncio.sleep(0)
        found.append(engine.in_flight())
        rows[0].cancel()
        await asyncio.gather(*rows, return_exceptions=True)
        return [*found, engine.in_flight()]

    assert asyncio.run(run()) == [InFlight(), InFlight(prompt_read=12, prompt_open=12), InFlight(ended=6)]


def test_a_row_whose_schema_no_engine_can_decode_to_fails_and_the_next_is_answered(make) -> None:
    def row(line: int, pattern: str):
        schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}
        return make.staged(line, "completion", {"prompt": "x", "output_schema": schema})

    async def run() -> tuple[object, object]:
        engine = EchoEngine(EchoOptions())
        await engine.start()
        hostile, good = row(1, "(" * 50_000 + "a" + ")" * 50_000), row(2, "^a+$")
        try:
            found = await asyncio.gather(engine.generate(hostile), engine.generate(good), return_exceptions=True)
        finally:
            await engine.close()
        return found[0], found[1]

    refused, answered = asyncio.run(run())
    assert isinstance(refused, RowError)
    assert refused.error_class is ErrorClass.SCHEMA
    assert "pattern: exceed the maximum number of nested" in refused.message
    assert getattr(answered, "text", None) == "echo: x"


def test_a_marked_row_kills_the_process_without_a_word() -> None:
    code = (
        "import asyncio, json\n"
        "from llmbatch.cluster.engines.echo import EchoEngine\n"
        "from llmbatch.core.engine_settings import EchoOptions\n"
        "from llmbatch.core.rows import StagedRow\n"
        "row = StagedRow('a', None, 1, 'completion', json.dumps({'prompt': 'BOOM'}), 4, None, None, None)\n"
        "asyncio.run(EchoEngine(EchoOptions(kill_marker='BOOM')).generate(row))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
