"""The text of scrapes, in the format that each client prefers."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

MOST_FORMATS = 4
"""Different headers ``Accept`` for which the text is kept."""
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


class Texts:
    """The text of a registry by the header ``Accept``, kept until ``renew``. Safe to share between threads.

    Args:
        registry: of all metrics. Its text takes long: 0.1 s for 5,000 series.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._kept: dict[str, Exposition] = {}
        self._wanted: set[str] = set()

    def ready(self, accept: str) -> Exposition | None:
        """Return the text if it is there."""
        if len(self._wanted) < MOST_FORMATS:
            self._wanted.add(accept)
        return self._kept.get(accept)

    def make(self, accept: str) -> Exposition:
        """Make the text, and keep it."""
        kept = self._kept  # if it is replaced meanwhile, this text is old
        made = exposition(self._registry, accept)
        if accept in self._wanted:
            kept[accept] = made
        return made

    def renew(self) -> None:
        """Make the texts again that were wanted since the last time; the metrics have changed."""
        wanted, self._wanted = self._wanted, set()
        self._kept = {accept: exposition(self._registry, accept) for accept in wanted}
