"""A fake engine that answers with the prompt, so that everything around an engine can be tested without one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
import uuid
from pathlib import Path
from typing import BinaryIO

from llmbatch.cluster.engines.answer_check import Choice
from llmbatch.cluster.engines.base import Answer, Body, EngineDiedError, InFlight, parse_row
from llmbatch.cluster.engines.demand import demand_of, schema_of
from llmbatch.cluster.engines.echo_bodies import called, generated, measured
from llmbatch.cluster.engines.echo_prompts import prompts_of, query_of
from llmbatch.cluster.schemas.checker import SchemaChecker
from llmbatch.cluster.schemas.constraint import Constraint
from llmbatch.core.endpoints import ANSWER_LIMITS, Endpoint, Task
from llmbatch.core.engine_settings import EchoOptions
from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass


class EchoEngine:
    """Answers ``echo: <prompt>``, a word a token, after a fixed delay. Deterministic. Not a language model.

    A schema is checked as for a real engine, but the answer does not follow it.
    """

    def __init__(self, options: EchoOptions, serving: Serving | None = None, max_model_len: int | None = None) -> None:
        self._options, self._serving = options, serving or Serving()
        self._max_model_len = max_model_len
        self._dead = False
        self._prompt_open = self._ended = 0
        self._journal: BinaryIO | None = None
        self._schemas = SchemaChecker()

    async def start(self) -> None:
        """Wait for the configured time."""
        if self._options.journal is not None:
            folder = Path(self._options.journal)
            folder.mkdir(parents=True, exist_ok=True)
            # unbuffered: what was written before a SIGKILL is there after it
            self._journal = (folder / f"{uuid.uuid4().hex}.txt").open("ab", buffering=0)
        await asyncio.sleep(self._options.start_seconds)

    async def generate(self, row: StagedRow, request_id: str) -> Answer:
        """Repeat the prompt, or fail or crash if it contains a marker."""
        endpoint, body = parse_row(row)
        if endpoint is Endpoint.TRANSCRIPTIONS:
            raise RowError(ErrorClass.INVALID, f"the fake engine does not serve {endpoint}")
        schema = schema_of(body)
        if schema is not None:
            await self._schemas.decodable(Constraint.of_schema(schema))
        prompts = prompts_of(endpoint, body)
        words = sum(len(prompt.split()) for prompt in prompts)
        options = self._options
        if self._dead:
            raise EngineDiedError("the fake engine is dead")
        if options.fail_marker is not None and options.fail_marker in row.request:
            raise RowError(ErrorClass.ENGINE, f"the prompt holds {options.fail_marker!r}")
        if self._max_model_len is not None and words >= self._max_model_len:
            raise RowError(ErrorClass.TOO_LONG, f"{words} prompt tokens; the model takes {self._max_model_len}")
        self._prompt_open += words
        try:
            await asyncio.sleep(options.seconds_per_row)
        finally:
            self._prompt_open -= words
        self._break_at_markers(row.request)
        if self._journal is not None:
            self._journal.write(f"{time.time():.3f} {row.row_id}\n".encode())
        return self._answer(endpoint, body, prompts, request_id)

    def _break_at_markers(self, request: str) -> None:
        options = self._options
        if options.kill_marker is not None and options.kill_marker in request:
            os.kill(os.getpid(), signal.SIGKILL)
        if options.hang_marker is not None and options.hang_marker in request:
            threading.Event().wait()
        if options.crash_marker is not None and options.crash_marker in request:
            self._dead = True
        if self._dead:
            raise EngineDiedError(f"a prompt holds {options.crash_marker!r}")

    def in_flight(self) -> InFlight:
        """Count prompts, which are read at once; an answer has no token before it has all of them."""
        return InFlight(ended=self._ended, prompt_read=self._prompt_open, prompt_open=self._prompt_open)

    def statistics(self) -> None:
        """Return None: there is no KV cache."""

    async def close(self) -> None:
        """Close the journal and end the child that checks schemas."""
        await self._schemas.close()
        if self._journal is not None:
            self._journal.close()

    def _answer(self, endpoint: Endpoint, body: Body, prompts: list[str], request_id: str) -> Answer:
        asked = body.get("model")
        model = asked if asked in self._serving.adapters else self._serving.name or "echo"
        head: Body = {"id": f"echo-{request_id}", "model": model}
        read = sum(len(prompt.split()) for prompt in prompts)
        if endpoint.task is not Task.GENERATE:
            if endpoint.task is Task.SCORE:
                prompts = [f"{query_of(body)}\n{prompt}" for prompt in prompts]
            return Answer(json.dumps(measured(endpoint, body, head, prompts, read)), read, 0)
        limit, count = _limit(endpoint, body), body.get("n") or 1
        choices, written = [], 0
        for prompt in prompts:
            words = prompt.split()
            text = "echo: " + " ".join(words[:limit])
            calls = called(text) if demand_of(body).calls else ()
            for _ in range(count if isinstance(count, int) else 1):
                choices.append(Choice(text, calls, len(words) > limit))
                written += len(words[:limit])
        self._ended += written
        return Answer(json.dumps(generated(endpoint, body, head, choices, (read, written))), read, written)


def _limit(endpoint: Endpoint, body: Body) -> int:
    """Return how many tokens one answer may have."""
    limits = [body.get(key) for key in ANSWER_LIMITS[endpoint]]
    return next((limit for limit in limits if isinstance(limit, int)), DEFAULT_MAX_TOKENS)
