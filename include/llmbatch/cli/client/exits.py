"""How a command ends."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILED = 1
    """The job failed, or the server refused the request."""
    USAGE = 2
    UNAUTHORISED = 3
    NOT_FOUND = 4
    UNAVAILABLE = 5
    TIMED_OUT = 6


class CommandError(Exception):
    """Ends a command with one line on stderr.

    Args:
        message: what happened, and what to do.
        exit_code: of the process.
    """

    def __init__(self, message: str, exit_code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message, self.exit_code = message, exit_code
