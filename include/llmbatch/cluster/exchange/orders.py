"""What the driver asks of its replicas, as they hear it with every report."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.core.states import DesiredState


@dataclass(frozen=True)
class Orders:
    """``max_tokens`` bounds the answers of rows that begin from now on; None: each row's own limit."""

    desired: DesiredState = DesiredState.RUN
    max_tokens: int | None = None
