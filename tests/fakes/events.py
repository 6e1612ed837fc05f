"""Airflow's metrics client in memory."""

from __future__ import annotations

import pytest

from llmbatch.orchestrator.metrics import events


class RecordedEvents:
    """Keeps what is sent: ``("llmbatch.rows", {"model": "m", "outcome": "failed"}, 3)``; times in milliseconds."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, str], float]] = []

    def incr(self, stat: str, count: float = 1, *, tags: dict[str, str]) -> None:
        self.sent.append((stat, tags, count))

    def timing(self, stat: str, dt: float, *, tags: dict[str, str]) -> None:
        self.sent.append((stat, tags, dt))

    def of(self, name: str) -> list[tuple[float | str, ...]]:
        """Return label values and amount of each event of a name, in order: ``[("m", "failed", 3)]``."""
        return [(*tags.values(), amount) for stat, tags, amount in self.sent if stat == f"llmbatch.{name}"]


@pytest.fixture(name="events")
def recorded_events(monkeypatch: pytest.MonkeyPatch) -> RecordedEvents:
    """Put a recorder in the place of Airflow's client."""
    recorded = RecordedEvents()
    monkeypatch.setattr(events, "client", lambda: recorded)
    monkeypatch.setattr(events, "_reported", set())
    return recorded
