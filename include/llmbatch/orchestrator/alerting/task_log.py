"""The sink that is always present: the log of the task or trigger that delivers."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from llmbatch.core.alerts import Alert, Level, message, title

_log = logging.getLogger(__name__)
_SEVERITY = {
    Level.OK: logging.INFO,
    Level.YELLOW: logging.WARNING,
    Level.RED: logging.ERROR,
    Level.CRITICAL: logging.CRITICAL,
}


@dataclass(frozen=True)
class TaskLogSink:
    """Writes one line for each alert, with a severity that depends on its level."""

    name: str = "task-log"

    def send(self, alert: Alert) -> None:
        """Log title and message. Never fails."""
        _log.log(_SEVERITY[alert.level], "event=alert alert=%s %s. %s", alert.alert_id, title(alert), message(alert))
