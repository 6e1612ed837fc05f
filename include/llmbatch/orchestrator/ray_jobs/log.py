"""The growing log of a Ray job, returned line by line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class JobLog:
    r"""Keeps how much of a log was returned. ``tail_lines`` limits the lines of the first read.

    Seen ``"a\nb"`` then ``"a\nbc\nd"``: first returns ``["a"]`` (b may continue), then ``["bc"]``; ``close`` adds
    ``["d"]``. A log that became shorter was replaced, so it is read from its start.
    """

    tail_lines: int = 200
    _offset: int = 0
    _rest: str = ""
    _is_read: bool = False

    def new_lines(self, text: str) -> list[str]:
        """Return the complete lines that came since the last read."""
        if len(text) < self._offset:
            self._offset, self._rest = 0, ""
        *lines, self._rest = (self._rest + text[self._offset :]).split("\n")
        self._offset = len(text)
        first, self._is_read = not self._is_read, True
        if first and len(lines) > self.tail_lines:
            skipped = len(lines) - self.tail_lines
            return [f"... {skipped} earlier lines are in the log of the Ray job", *lines[-self.tail_lines :]]
        return lines

    def close(self) -> list[str]:
        """Return the unfinished last line, if there is one."""
        rest, self._rest = self._rest, ""
        return [rest] if rest else []


def last_lines(text: str, count: int = 20) -> str:
    """Return the end of a log for an error message."""
    return "\n".join(text.rstrip().splitlines()[-count:])
