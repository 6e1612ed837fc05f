"""What bounds the rows and shards of one replica."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class RowLimits:
    """Bounds of one replica.

    Attributes:
        window_rows: rows that may be in the engine at a time.
        max_num_seqs: how many of them the engine decodes together.
        shards: shards that may be open at a time; more wait for their turn.
        expires_at: when rows expire (aware, UTC), as their outcome says it; None: they do not. The driver's clock
            decides when that is, see ``Orders.expires_in``.
        grace_seconds: how long rows in the engine may still take once the job is cancelled, see ``Orders.cancels``.
    """

    window_rows: int
    max_num_seqs: int
    shards: int
    expires_at: datetime | None = None
    grace_seconds: float = 0.0
