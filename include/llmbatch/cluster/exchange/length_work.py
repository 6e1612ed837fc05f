"""What replicas count of rows of about the same length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from llmbatch.core.length_cells import LengthClass
from llmbatch.core.length_sums import AnswerSums, pack_answers


@dataclass(slots=True)
class LengthWork:
    """Open rows of one length class: how many have ended, what the answered ones came to, and how old the others are.

    ``seconds`` are those of answered rows. Rows run, and seconds count, as ``LengthCell`` says. Counts only add, so
    that sums over shards and replicas are sums of fields.
    """

    ended: int = 0
    answered: int = 0
    tokens: int = 0
    tokens_squared: int = 0
    seconds: float = 0.0
    running: int = 0
    running_seconds: float = 0.0
    running_seconds_squared: float = 0.0

    def end(self) -> None:
        """Count a row that ended without an answer."""
        self.ended += 1

    def answer(self, tokens: int, seconds: float) -> None:
        """Count a row that ended with one."""
        self.ended += 1
        self.answered += 1
        self.tokens += tokens
        self.tokens_squared += tokens * tokens
        self.seconds += seconds

    def run(self, seconds: float) -> None:
        """Count a row that has run for ``seconds``."""
        self.running += 1
        self.running_seconds += seconds
        self.running_seconds_squared += seconds * seconds

    def add(self, other: LengthWork) -> None:
        """Add the counts of other rows."""
        self.ended += other.ended
        self.answered += other.answered
        self.tokens += other.tokens
        self.tokens_squared += other.tokens_squared
        self.seconds += other.seconds
        self.running += other.running
        self.running_seconds += other.running_seconds
        self.running_seconds_squared += other.running_seconds_squared


Lengths = dict[LengthClass, LengthWork]
"""Work by length class."""


def merged(parts: Iterable[Lengths]) -> Lengths:
    """Return the sums of all parts, new objects."""
    total: Lengths = {}
    for part in parts:
        for kind, work in part.items():
            total.setdefault(kind, LengthWork()).add(work)
    return total


def answers_of(lengths: Mapping[LengthClass, LengthWork]) -> str:
    """Return the answered rows as the text that a shard's tally keeps."""
    return pack_answers(
        {
            kind: AnswerSums(work.answered, work.tokens, work.tokens_squared, round(1000 * work.seconds))
            for kind, work in lengths.items()
            if work.answered
        }
    )
