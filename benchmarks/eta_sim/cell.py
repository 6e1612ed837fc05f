"""Rows of one simulated job that are alike in length, summed as a heartbeat has them."""

from __future__ import annotations

from llmbatch.core.length_cells import LengthCell


class SimCell:
    """Running sums of one length cell."""

    def __init__(self) -> None:
        self.rows = self.chars = self.ended = self.tokens = self.squares = self.running = 0
        self.seconds = self.starts = self.starts2 = 0.0

    def begin(self, at: float) -> None:
        """Count a row in flight from ``at`` on."""
        self._run(1, at)

    def leave(self, began: float) -> None:
        """Count a row in flight no more."""
        self._run(-1, began)

    def count(self, tokens: int, seconds: float, sign: int) -> None:
        """Count an answered row, or with a sign of -1 take one back."""
        self.ended += sign
        self.tokens += sign * tokens
        self.squares += sign * tokens * tokens
        self.seconds += sign * seconds

    def frozen(self, key: tuple[str, int], limit: int, now: float) -> LengthCell:
        """Return what a heartbeat at ``now`` holds of it."""
        return LengthCell(
            template=key[0],
            bucket=key[1],
            limit=limit,
            rows=self.rows,
            chars=self.chars,
            ended=self.ended,
            answered=self.ended,
            tokens=self.tokens,
            tokens_squared=self.squares,
            answered_seconds=max(0.0, self.seconds),
            running=self.running,
            running_seconds=max(0.0, self.running * now - self.starts),
            running_seconds_squared=max(0.0, self.running * now * now - 2 * now * self.starts + self.starts2),
        )

    def _run(self, sign: int, began: float) -> None:
        self.running += sign
        self.starts += sign * began
        self.starts2 += sign * began * began
