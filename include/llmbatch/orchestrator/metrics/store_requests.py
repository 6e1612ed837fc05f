"""Requests to the store as events."""

from __future__ import annotations

from llmbatch.core import metrics
from llmbatch.orchestrator.metrics.events import observe


def note_request(operation: str, result: str, seconds: float) -> None:
    """Send the time of one request, as ``s3.requests`` reports it. Never fails."""
    observe(metrics.STORE_SECONDS, operation, result, seconds=seconds)
