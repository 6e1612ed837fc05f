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
        expires_at: no row begins at or after this time (aware, UTC); None: rows do not expire.
    """

    window_rows: int
    max_num_seqs: int
    shards: int
    expires_at: datetime | None = None
