"""Virtual environments of programs that call the HTTP API from outside, made when a test first needs them."""

from __future__ import annotations

from llmbatch_stack.install.room import Room
from llmbatch_stack.install.rooms import make_room, one_at_a_time
from llmbatch_stack.install.uv import ready
from llmbatch_stack.settings import Settings

OLDER_SDKS = ("openai-1", "openai-2")
"""Major versions of the OpenAI client before the one of the Airflow room."""


def python_with(name: str, settings: Settings) -> str:
    """Return the interpreter of the environment of ``requirements/client-<name>.lock``."""
    room = Room(
        name=name,
        lock=settings.repo / "requirements" / f"client-{name}.lock",
        venv=settings.repo / ".llmbatch" / "venvs" / name,
        log=settings.repo / ".llmbatch" / "logs" / f"install-{name}.log",
        probe=f"import {name.partition('-')[0]}",
    )
    if not room.is_finished():
        with one_at_a_time(settings):
            make_room(room, ready(settings), print)
    return str(room.python)
