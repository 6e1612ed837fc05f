"""The cause why an engine did not start, from its log."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_POINTS_ELSEWHERE = "root cause above"
_CAUSE = re.compile(r"(?:^|\s)((?:\w+\.)*\w*(?:Error|Exception): .+)$")
_TAIL_BYTES = 64 * 1024
_LONGEST = 800


def start_failure(error: BaseException) -> str:
    """Return one line with the cause.

    vLLM's parent process only reports "see root cause above": the cause is what the child wrote to stderr, which
    is a file in a Ray worker.
    """
    message = f"{type(error).__name__}: {error}"
    if _POINTS_ELSEWHERE in message:
        sys.stderr.flush()
        message = last_cause(_own_stderr()) or message
    return " ".join(message.split())[:_LONGEST]


def last_cause(text: str) -> str | None:
    """Return the last line of a log that names an error and does not point elsewhere."""
    found = (_CAUSE.search(line) for line in text.splitlines())
    causes = [match[1] for match in found if match and _POINTS_ELSEWHERE not in match[1]]
    return causes[-1] if causes else None


def _own_stderr() -> str:
    try:
        path = Path(os.readlink("/proc/self/fd/2"))  # noqa: PTH115 - the link's text is the path
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
