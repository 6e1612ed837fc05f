"""How long the answers of alike rows are: most are log-normal, and a few go on to anything up to their limit."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.core.eta import capped_lognormal

_ROUNDS = 3


@dataclass(frozen=True)
class LengthLaw:
    """A mixture: a share ``long`` of the rows has any length up to ``limit``, the others are a capped log-normal.

    One row in thirty that explains its label of two tokens in 100 is beyond any log-normal that fits the labels: such
    rows have a third of the tokens, take the longest and end last.
    """

    log_mean: float
    spread: float
    limit: float
    long: float

    def survival(self, length: float) -> float:
        """Probability that an answer has more than ``length`` tokens."""
        return sum(self._alive(length))

    def residual(self, reached: float) -> float:
        """Expected tokens still to come of a row that has ``reached`` so many; 0 at the limit."""
        plain, long = self._alive(reached)
        if plain + long <= 0:
            return 0.0
        rest = capped_lognormal.residual(self.log_mean, self.spread, self.limit, reached)
        return (plain * rest + long * (self.limit - reached) / 2) / (plain + long)

    def long_share(self, reached: float) -> float:
        """Share of the long kind among rows that have ``reached`` so many tokens."""
        plain, long = self._alive(reached)
        return long / (plain + long) if plain + long > 0 else self.long

    def _alive(self, length: float) -> tuple[float, float]:
        """Shares of rows of both kinds that are longer than ``length``."""
        if length >= self.limit:
            return 0.0, 0.0
        plain = capped_lognormal.survival(self.log_mean, self.spread, length)
        return (1 - self.long) * plain, self.long * (1 - max(0.0, length) / self.limit)


def long_rows(rows: float, first: float, second: float, limit: float, widest: float) -> float:
    """Return how many of ``rows`` are of the long kind, from the sums of their lengths and of the squares of these.

    Theirs is what others leave unexplained of the squares. 97 answers of 2 tokens and 3 of 40, 60 and 80, where 100 are
    allowed, have a sum of squares of 11,988. Three rows of any length up to 100 have 10,000 of these.

    Args:
        rows: answered rows.
        first: sum of their lengths.
        second: sum of the squares of their lengths.
        limit: what one of them may have.
        widest: mean square over squared mean that rows of the other kind have at most.
    """
    found = 0.0
    if limit <= 0:
        return found
    for _ in range(_ROUNDS):
        plain = max(0.0, first - found * limit / 2)
        explained = plain * plain / max(1.0, rows - found) * widest
        found = min(0.9 * rows, first / limit, max(0.0, second - explained) * 3 / limit**2)
    return found
