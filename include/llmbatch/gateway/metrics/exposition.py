"""The text of a scrape, in the format that the client prefers."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

MOST_ACCEPT_CHARS = 1000
"""Of the header ``Accept`` so much is read."""


@dataclass(frozen=True)
class Exposition:
    """The body of an answer and its type."""

    body: bytes
    content_type: str


def exposition(registry: CollectorRegistry, accept: str) -> Exposition:
    """Return all metrics of a registry: as OpenMetrics if the header ``Accept`` names it, else as Prometheus text."""
    try:
        encode, content_type = choose_encoder(accept[:MOST_ACCEPT_CHARS])
    except (TypeError, ValueError):  # it names a version that is not a number
        encode, content_type = choose_encoder("")
    return Exposition(encode(registry), content_type)
