"""Runs a trigger without a triggerer."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest


def event_of(waiting: Any) -> dict[str, Any]:
    async def first() -> dict[str, Any]:
        events = waiting.run()
        event = await anext(events)
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        return event.payload

    return asyncio.run(first())


def listen(waiting: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    logged: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.append(record.getMessage())

    log = logging.Logger("listener", logging.INFO)
    log.addHandler(Listener())
    monkeypatch.setattr(type(waiting), "log", log)
    return logged
