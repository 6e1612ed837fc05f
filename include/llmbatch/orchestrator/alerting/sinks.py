"""Stub, replaced by merge."""

from __future__ import annotations

from typing import Protocol

from llmbatch.core.alerts import Alert
from llmbatch.core.config import AlertsConfig


class Sink(Protocol):
    """One receiver of alerts."""

    @property
    def name(self) -> str:
        """Unique among the sinks."""

    def send(self, alert: Alert) -> None:
        """Send one alert, blocking."""


def sinks_of(config: AlertsConfig) -> tuple[Sink, ...]:  # noqa: ARG001 - stub
    """Return the configured sinks."""
    return ()
