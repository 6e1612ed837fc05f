"""What a prediction rests on: answered rows, or before any answer the rows in flight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.priors import Priors
from llmbatch.core.eta.rate import Effort, ReadingPrice, WorkRate
from llmbatch.core.eta.reach import UNKNOWN, Reach, reach_of
from llmbatch.core.length_cells import LengthCell

_LEAST_TOKENS = 4.0
"""Tokens of an average row from which rows in flight are used. Rows that begin together wait for all their prompts to
be read, and as long as they have done little else, how fast they write is a guess."""


@dataclass(frozen=True)
class Work:
    """Sums over all rows. ``mean_answer`` is what an average row of those without an outcome comes to, in tokens."""

    done_tokens: float
    done_chars: float
    left_tokens: float
    left_chars: float
    mean_answer: float


@dataclass(frozen=True)
class Footing:
    """Work per slot-second, lengths of answers, how far rows are, and the rows that one replica decodes together."""

    rate: WorkRate
    lengths: OutputLengths
    reach: Reach
    batch: float

    def work(self, cells: Sequence[LengthCell], unread: float = 0.0) -> Work:
        """Return the work; rows in flight are partly done and partly left, ``unread`` characters of theirs are left."""
        done_tokens = done_chars = left_tokens = left_chars = answers = 0.0
        for cell in cells:
            so_far, expected = self.reach.get(cell.key, UNKNOWN), self.lengths.expected(cell)
            done_tokens += cell.tokens + cell.running * so_far.mean
            done_chars += (cell.ended + cell.running) * cell.mean_chars
            left_tokens += cell.waiting * expected
            left_chars += cell.waiting * cell.mean_chars
            answers += cell.left * expected
            if cell.running:
                left_tokens += cell.running * self.lengths.residual(cell, so_far)
        left = sum(cell.left for cell in cells)
        return Work(done_tokens, done_chars - unread, left_tokens, left_chars + unread, answers / left if left else 0.0)


class FirstFooting:
    """Rests on rows in flight: their tokens and the characters read over their seconds are work per slot-second, too.

    64 rows that have run for 10 s each, with 1,280 tokens, write 2 tokens per slot-second. How long answers are
    follows from the priors and the rows' limits, and no row is shorter than what it has by now. Nothing of this remains
    in what is learned from answers.

    It takes precedence over the rate of earlier jobs, because that was measured on other days. In the simulator, where
    all days are nearly the same, it still improves the estimates of jobs with a history: it knows how far the rows
    without an answer have come.
    """

    def __init__(self, priors: Priors, most_batch: float, price: ReadingPrice) -> None:
        self._priors, self._most_batch, self._price = priors, most_batch, price
        self._seen = Effort()

    def of(self, seen: Observation) -> Footing | None:
        """Take a heartbeat; return what its rows in flight give.

        Returns:
            None once a row has an answer, which gives more, and while rows in flight have hardly any tokens.
        """
        seconds = sum(cell.running_seconds for cell in seen.cells)
        if seen.flight is None or seconds <= 0 or not seen.live or seen.answered:
            return None
        whole = Effort(float(seen.flight.tokens), float(seen.flight.chars), seconds)
        self._learn_price(whole)
        if whole.tokens < (_LEAST_TOKENS * seen.running if seen.writes else 0.0) or whole.tokens + whole.chars <= 0:
            return None
        rate, lengths = WorkRate(self._priors), OutputLengths(self._priors.lengths)
        rate.price = self._price
        rate.work(0.0, whole)
        reach = reach_of(seen.cells, rate.tokens)
        lengths.fit(seen.cells, reach)
        return Footing(rate, lengths, reach, min(self._most_batch, seen.running / seen.live))

    def _learn_price(self, whole: Effort) -> None:
        """Hold what was written and read since there was news last against its seconds.

        The first batch reads before it writes, which separates the two better than anything later.
        """
        tokens, chars = whole.tokens - self._seen.tokens, whole.chars - self._seen.chars
        seconds = whole.seconds - self._seen.seconds
        if tokens == chars == 0:
            return  # what engines do in one step, a prompt or many, shows at its end
        self._seen = whole
        if min(tokens, chars) >= 0 and seconds > 0:  # else a row or a replica was lost, and has taken its part along
            self._price.learn(Effort(tokens, chars, seconds))


def slots_of(batch: float, seen: Observation) -> float:
    """Rows decoded together by all live replicas, each of which decodes ``batch``."""
    return max(1.0, batch) * max(1, seen.live)
