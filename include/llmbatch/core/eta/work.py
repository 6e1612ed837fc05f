"""Work done and left at one moment, in tokens and characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.reach import UNKNOWN, Reach
from llmbatch.core.length_cells import LengthCell


@dataclass(frozen=True)
class Work:
    """Sums over all rows. ``mean_answer`` is what an average row of those without an outcome comes to, in tokens."""

    done_tokens: float
    done_chars: float
    left_tokens: float
    left_chars: float
    mean_answer: float


def work_of(cells: Sequence[LengthCell], lengths: OutputLengths, reach: Reach) -> Work:
    """Return the work; rows in flight are partly done and partly left, their prompts count as read."""
    done_tokens = done_chars = left_tokens = left_chars = answers = 0.0
    for cell in cells:
        so_far, expected = reach.get(cell.key, UNKNOWN), lengths.expected(cell)
        done_tokens += cell.tokens + cell.running * sum(so_far) / 2
        done_chars += (cell.ended + cell.running) * cell.mean_chars
        left_tokens += cell.waiting * expected
        left_chars += cell.waiting * cell.mean_chars
        answers += cell.left * expected
        if cell.running:
            left_tokens += cell.running * lengths.residual(cell, so_far)
    left = sum(cell.left for cell in cells)
    return Work(done_tokens, done_chars, left_tokens, left_chars, answers / left if left else 0.0)
