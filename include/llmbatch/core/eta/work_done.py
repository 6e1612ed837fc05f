"""What a job has done: rows with an answer, and the part of theirs that rows in flight have done."""

from __future__ import annotations

from collections.abc import Sequence

from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.rate import Effort
from llmbatch.core.length_cells import LengthCell


def answered_work(cells: Sequence[LengthCell]) -> Effort:
    """Return the sums over all answered rows of the generation."""
    return Effort(
        float(sum(cell.tokens for cell in cells)),
        sum(cell.answered * cell.mean_chars for cell in cells),
        sum(cell.answered_seconds for cell in cells),
    )


def work_done(seen: Observation) -> Effort:
    """Return what answered rows and rows in flight have done; of answered rows only if no tokens in flight are counted.

    Answered rows alone are the short ones for as long as long ones take. Where prompts are long and most answers a
    word, they have hardly waited while others read, and a rate from them is up to twice the true one: 30 rows of 100
    characters and a token each end in a second beside one that has written 10 tokens in its 10 s.
    """
    answered = answered_work(seen.cells)
    if seen.flight is None:
        return answered
    return Effort(
        answered.tokens + seen.flight.tokens,
        answered.chars + seen.flight.chars,
        answered.seconds + _seconds_in_flight(seen),
    )


def pace_in_flight(seen: Observation, otherwise: float) -> float:
    """Return the tokens that a row in flight has written in a second; ``otherwise`` if they are not counted."""
    seconds = _seconds_in_flight(seen)
    return seen.flight.tokens / seconds if seen.flight is not None and seconds > 0 else otherwise


def unread_chars(seen: Observation) -> float:
    """Return the characters of rows in flight that are not read yet; 0 if they are not counted."""
    if seen.flight is None:
        return 0.0
    return max(0.0, sum(cell.running * cell.mean_chars for cell in seen.cells) - seen.flight.chars)


def _seconds_in_flight(seen: Observation) -> float:
    return sum(cell.running_seconds for cell in seen.cells)
