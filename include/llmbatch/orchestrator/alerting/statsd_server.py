"""Alerts as StatsD counters and gauges."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from statsd import StatsClient

from llmbatch.core.alerts import Alert
from llmbatch.core.errors import SinkError


@dataclass(frozen=True)
class StatsdSink:
    """Counts ``<prefix>.sla.alert.<level>`` and shows the numbers of the latest alert, of whichever job, as gauges.

    Gauges are ``<prefix>.sla.miss_probability``, ``.eta_p50_hours``, ``.eta_p90_hours`` and ``.margin_hours`` (from the
    expected finish to the deadline, negative if late); those that are unknown are not sent. A job is no part of a
    metric's name: every job would leave a series behind. UDP: a packet that is lost is lost.
    """

    host: str
    port: int
    prefix: str

    @property
    def name(self) -> str:
        """``statsd.<host>.<port>``."""
        return f"statsd.{self.host}.{self.port}"

    def send(self, alert: Alert) -> None:
        """Send one packet. Raises ``SinkError`` if the host cannot be found; nobody hears of a closed port."""
        try:
            client = StatsClient(self.host, self.port, prefix=self.prefix)
        except OSError as error:
            raise SinkError(f"StatsD host {self.host!r} cannot be found ({error}); correct alerts.statsd") from error
        with closing(client), client.pipeline() as packet:
            packet.incr(f"sla.alert.{alert.level.value}")
            for gauge, value in _numbers(alert).items():
                if value is not None:
                    packet.gauge(f"sla.{gauge}", round(value, 4))


def _numbers(alert: Alert) -> dict[str, float | None]:
    late = alert.late_seconds
    return {
        "miss_probability": alert.miss_probability,
        "eta_p50_hours": alert.eta.p50 / 3600 if alert.eta else None,
        "eta_p90_hours": alert.eta.p90 / 3600 if alert.eta else None,
        "margin_hours": None if late is None else -late / 3600,
    }
