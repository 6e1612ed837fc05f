"""The result of a short measurement of an engine."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class EngineSpeed(BaseModel):
    """A sample of rows, given to an engine at once.

    Attributes:
        rows: rows of the sample.
        answered: rows that ended within ``seconds``.
        output_tokens: tokens written by all of them, answered or not.
        seconds: from the first row's submission to the last answer, or to the time limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int
    answered: int
    output_tokens: int
    seconds: float

    def rows_per_second(self, max_tokens: int) -> float:
        """Return the rate; rows without an answer count by their tokens, as if each wrote ``max_tokens``.

        40 rows of 64 answered within 10 s make 4 rows/s if the others have no token yet. 64 rows with 640 tokens and
        no answer after 10 s make 1 row/s where a row may have 64 tokens.
        """
        if self.seconds <= 0:
            return 0.0
        return max(self.answered, min(self.rows, self.output_tokens / max_tokens)) / self.seconds
