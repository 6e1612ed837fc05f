"""Alerts as StatsD counters and gauges."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from statsd import StatsClient

from llmbatch.core.alerts import Alert
from llmbatch.core.errors import SinkError


@dataclass(frozen=True)
class StatsdSink:
    """Counts ``<prefix>.sla.alert.<level>`` and sets gauges to the numbers of the latest alert of any job.

    Gauges are ``<prefix>.sla.miss_probability``, ``.eta_p50_hours``, ``.eta_p90_hours`` and ``.margin_hours`` (from the
    expected finish to the deadline, negative if late); unknown ones are not sent. Metric names contain no
    job id, because every job would leave a series behind. UDP: a lost packet is not repeated.
    """

    host: str
    port: int
    prefix: str

    @property
    def name(self) -> str:
        """``statsd.<host>.<port>``."""
        return f"statsd.{self.host}.{self.port}"

    def send(self, alert: Alert) -> None:
        """Send one packet. Raises ``SinkError`` if the host cannot be found; a closed port is not detected."""
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
