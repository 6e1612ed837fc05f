"""The fake engine: deterministic answers and token counts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from llmbatch.cluster.engines.base import InFlight
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EchoOptions
from llmbatch.core.errors import RowError
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass


def body_of(row: Any, serving: Serving | None = None) -> dict[str, Any]:
    answer = asyncio.run(EchoEngine(EchoOptions(), serving).generate(row, "id"))
    body: dict[str, Any] = json.loads(answer.body)
    return body


def test_echo_is_deterministic_counts_words_and_stops_at_max_tokens(make) -> None:
    engine = EchoEngine(EchoOptions(), max_model_len=5)
    answer = asyncio.run(engine.generate(make.chat(1, "a b c d", max_tokens=2), "id"))
    [choice] = json.loads(answer.body)["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("echo: a b", "length")
    assert (answer.prompt_tokens, answer.completion_tokens) == (4, 2)
    with pytest.raises(RowError) as caught:
        asyncio.run(engine.generate(make.chat(1, "a b c d e"), "id"))
    assert caught.value.error_class is ErrorClass.TOO_LONG


def test_all_prompts_and_all_answers_count(make) -> None:
    row = make.staged(1, Endpoint.COMPLETIONS, {"prompt": ["a b c", "d"], "n": 2, "max_tokens": 2})
    answer = asyncio.run(EchoEngine(EchoOptions()).generate(row, "id"))
    choices = json.loads(answer.body)["choices"]
    assert [each["text"] for each in choices] == ["echo: a b"] * 2 + ["echo: d"] * 2
    assert (answer.prompt_tokens, answer.completion_tokens) == (4, 6)


@pytest.mark.parametrize(("asked", "name"), [("other", "m"), ("adapter", "adapter"), (None, "m")])
def test_the_response_names_the_request_and_who_answers(make, asked: str | None, name: str) -> None:
    body = body_of(make.chat(1, "a", model=asked), Serving(name="m", adapters={"adapter": "s3://b/a/"}))
    assert (body["id"], body["model"]) == ("echo-id", name)


def test_scores_depend_on_the_query_and_each_document(make) -> None:
    def scores(query: str) -> list[float]:
        row = make.staged(1, Endpoint.RERANK, {"query": query, "documents": ["a", "b"]})
        return [each["relevance_score"] for each in body_of(row)["results"]]

    assert scores("q") == scores("q")
    assert len({*scores("q"), *scores("r")}) == 4


def test_a_required_call_is_made(make) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    [choice] = body_of(make.chat(1, "a", tools=tools, tool_choice="required"))["choices"]
    assert json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == {"echo": "echo: a"}


def test_there_is_no_audio(make) -> None:
    with pytest.raises(RowError, match="does not serve /v1/audio/transcriptions"):
        body_of(make.staged(1, Endpoint.TRANSCRIPTIONS, {"file_url": "data:"}))


def test_echo_counts_prompts_at_once_and_answers_when_they_are_there(make) -> None:
    async def run() -> list[InFlight]:
        engine = EchoEngine(EchoOptions(seconds_per_row=0.01))
        rows = [asyncio.create_task(engine.generate(make.chat(n, "a b c", max_tokens=2), "id")) for n in range(4)]
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
        form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
        return make.chat(line, "x", response_format=form)

    async def run() -> tuple[object, object]:
        engine = EchoEngine(EchoOptions())
        await engine.start()
        hostile, good = row(1, "(" * 50_000 + "a" + ")" * 50_000), row(2, "^a+$")
        try:
            found = await asyncio.gather(
                engine.generate(hostile, "1"), engine.generate(good, "2"), return_exceptions=True
            )
        finally:
            await engine.close()
        return found[0], found[1]

    refused, answered = asyncio.run(run())
    assert isinstance(refused, RowError)
    assert refused.error_class is ErrorClass.SCHEMA
    assert "pattern: exceed the maximum number of nested" in refused.message
    assert "echo: x" in str(getattr(answered, "body", None))


def test_a_marked_row_kills_the_process_without_a_word() -> None:
    code = (
        "import asyncio, json\n"
        "from llmbatch.cluster.engines.echo import EchoEngine\n"
        "from llmbatch.core.engine_settings import EchoOptions\n"
        "from llmbatch.core.rows import StagedRow\n"
        "row = StagedRow('a', None, 1, '/v1/completions', json.dumps({'prompt': 'BOOM'}), 4, 0, None, None)\n"
        "asyncio.run(EchoEngine(EchoOptions(kill_marker='BOOM')).generate(row, 'id'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")
