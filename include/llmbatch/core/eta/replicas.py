"""Stub, replaced by merge."""

from __future__ import annotations

from llmbatch.core.progress import Progress


def replicas_needed(progress: Progress, seconds_left: float, most: int) -> int | None:  # noqa: ARG001 - stub
    """Return the smallest number of replicas whose P90 keeps the deadline."""
    return None
