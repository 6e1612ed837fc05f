"""Virtual environments with older clients of the OpenAI API, made when a test first needs them."""

from __future__ import annotations

from llmbatch_stack.install.room import Room
from llmbatch_stack.install.rooms import make_room, one_at_a_time
from llmbatch_stack.install.uv import ready
from llmbatch_stack.settings import Settings

OLDER = ("openai-1", "openai-2")


def python_with(name: str, settings: Settings) -> str:
    """Return the interpreter of a room of ``OLDER``."""
    room = Room(
        name=name,
        lock=settings.repo / "requirements" / f"client-{name}.lock",
        venv=settings.repo / ".llmbatch" / "venvs" / name,
        log=settings.repo / ".llmbatch" / "logs" / f"install-{name}.log",
        probe="import openai",
    )
    if not room.is_finished():
        with one_at_a_time(settings):
            make_room(room, ready(settings), print)
    return str(room.python)
