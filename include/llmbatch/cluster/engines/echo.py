"""A fake engine that answers with the prompt, so that everything around an engine can be tested without one."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
import uuid
from pathlib import Path
from typing import BinaryIO

from llmbatch.cluster.engines.base import Answer, EngineDiedError, InFlight, parse_row
from llmbatch.cluster.schemas.checker import SchemaChecker
from llmbatch.core.engine_settings import EchoOptions
from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS
from llmbatch.core.states import ErrorClass


class EchoEngine:
    """Answers ``echo: <prompt>``, a word a token, after a fixed delay. Deterministic. Not a language model.

    A schema is checked as for a real engine, but the answer does not follow it.
    """

    def __init__(self, options: EchoOptions, max_model_len: int | None = None) -> None:
        self._options = options
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

    async def generate(self, row: StagedRow) -> Answer:
        """Repeat the prompt, or fail or crash if it contains a marker."""
        request = parse_row(row)
        if request.output_schema is not None:
            await self._schemas.decodable(request.output_schema)
        prompt = request.prompt if request.messages is None else str(request.messages[-1]["content"])
        words = (prompt or "").split()
        options = self._options
        if self._dead:
            raise EngineDiedError("the fake engine is dead")
        if options.fail_marker is not None and options.fail_marker in row.request:
            raise RowError(ErrorClass.ENGINE, f"the prompt holds {options.fail_marker!r}")
        if self._max_model_len is not None and len(words) >= self._max_model_len:
            raise RowError(ErrorClass.TOO_LONG, f"{len(words)} prompt tokens; the model takes {self._max_model_len}")
        self._prompt_open += len(words)
        try:
            await asyncio.sleep(options.seconds_per_row)
        finally:
            self._prompt_open -= len(words)
        if options.kill_marker is not None and options.kill_marker in row.request:
            os.kill(os.getpid(), signal.SIGKILL)
        if options.hang_marker is not None and options.hang_marker in row.request:
            threading.Event().wait()
        if options.crash_marker is not None and options.crash_marker in row.request:
            self._dead = True
        if self._dead:
            raise EngineDiedError(f"a prompt holds {options.crash_marker!r}")
        if self._journal is not None:
            self._journal.write(f"{time.time():.3f} {row.row_id}\n".encode())
        limit = request.sampling.max_tokens or DEFAULT_MAX_TOKENS
        answer = words[:limit]
        self._ended += len(answer)
        reason = "stop" if len(words) <= limit else "length"
        return Answer("echo: " + " ".join(answer), reason, len(words), len(answer))

    def in_flight(self) -> InFlight:
        """Count prompts, which are read at once; an answer has no token before it has all of them."""
        return InFlight(ended=self._ended, prompt_read=self._prompt_open, prompt_open=self._prompt_open)

    async def close(self) -> None:
        """Close the journal and end the child that checks schemas."""
        await self._schemas.close()
        if self._journal is not None:
            self._journal.close()
