"""The growing log of a Ray job, given out line by line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class JobLog:
    r"""Remembers how much of a log was given out. ``tail_lines`` bounds what the first look gives.

    Seen ``"a\nb"`` then ``"a\nbc\nd"``: first gives ``["a"]`` (b may go on), then ``["bc"]``; ``close`` adds
    ``["d"]``. A log that became shorter was replaced and is read from its start.
    """

    tail_lines: int = 200
    _offset: int = 0
    _rest: str = ""
    _looked: bool = False

    def new_lines(self, text: str) -> list[str]:
        """Return the complete lines that came since the last look."""
        if len(text) < self._offset:
            self._offset, self._rest = 0, ""
        *lines, self._rest = (self._rest + text[self._offset :]).split("\n")
        self._offset = len(text)
        first, self._looked = not self._looked, True
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
