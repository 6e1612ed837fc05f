"""Send every raised alert to every sink that has not received it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import dataclass

from llmbatch.core import metrics
from llmbatch.core.alerts import Alert
from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectExists, SinkRejected, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.orchestrator.alerting.sink_slots import SLOTS, SinkSlots
from llmbatch.orchestrator.alerting.sinks import Sink
from llmbatch.orchestrator.alerting.turns import MOST_TRIES, put_off, take_turn
from llmbatch.orchestrator.metrics.events import count

WAIT_SECONDS = 20.0
"""Time that one call waits for slow sinks; they continue in the background and mark what they have sent."""

SLOT_SECONDS = 3.0
"""Time that one call waits for a sink which another job of this process is using."""


def deliver(
    store: ObjectStore,
    layout: JobLayout,
    sinks: Sequence[Sink],
    log: logging.Logger,
    clock: Clock,
    wait_seconds: float = WAIT_SECONDS,
    slots: SinkSlots = SLOTS,
) -> bool:
    """Send what is due and return after at most ``wait_seconds``; call it repeatedly while the job runs.

    Each sink has its own thread, at most one in this process for all jobs: a sink that hangs holds one thread, and its
    alerts wait until it answers. A sink receives the alerts of a job in the order in which they were raised. An alert
    that must be repeated holds back later ones, so that a late red cannot follow an ``ok``. Two processes may call this
    at once: for each alert and sink one of them sends. Objects beside the alerts, all named ``<level>-<n>.<sink>``:

    - ``sending/``: the attempts, and when the next one is due;
    - ``delivered/``: the sink has received it;
    - ``undelivered/``: abandoned, after an hour of attempts or because the receiver rejected it permanently.

    After a crash between sending and marking, the message is sent again a minute later: receivers recognize it by the
    alert's id, and Alertmanager by its labels.

    Returns:
        Whether every alert is now delivered to every sink or abandoned.

    Raises:
        StoreError: the alerts could not be listed or read. Never because of a sink. An alert of an unreadable form is
            skipped.
    """
    lines = _open_lines(store, layout, sinks, log, clock)
    if not lines:
        return True
    # Threads, not a pool: a pool waits at exit for a sink that hangs. The context carries the task's log.
    threads = [
        threading.Thread(
            target=copy_context().run, args=(_serve, line, slots), name=f"sink-{line.sink.name}", daemon=True
        )
        for line in lines
    ]
    until = clock.monotonic() + wait_seconds
    for thread in threads:
        thread.start()
    for line, thread in zip(lines, threads, strict=True):
        thread.join(max(0.0, until - clock.monotonic()))
        if thread.is_alive():
            log.warning("event=sink_slow job_id=%s sink=%s limit_s=%g", layout.job_id, line.sink.name, wait_seconds)
    return not _open_lines(store, layout, sinks, log, clock)


@dataclass(frozen=True)
class _Line:
    """The alerts that one sink has not received, in order."""

    sink: Sink
    alerts: tuple[Alert, ...]
    store: ObjectStore
    layout: JobLayout
    log: logging.Logger
    clock: Clock

    def serve(self) -> None:
        """Send until the line is empty or one alert must wait. Raises ``StoreError``."""
        for alert in self.alerts:
            if not self._settle(alert):
                return

    def _settle(self, alert: Alert) -> bool:
        """Send the alert if this process may; return whether it is settled, delivered or abandoned."""
        key = f"{alert.level.value}-{alert.number}.{self.sink.name}"
        turn = take_turn(self.store, f"{self.layout.alerts}sending/{key}", self.clock.now())
        if turn is None:
            return False
        try:
            self.sink.send(alert)
        except Exception as error:  # no failure of a sink affects the other sinks or the job
            head = (alert.job_id, alert.alert_id, self.sink.name, turn.number, MOST_TRIES)
            if turn.is_last or isinstance(error, SinkRejected):
                self._mark("undelivered", key)
                count(metrics.ALERT_DELIVERIES, self.sink.name, "given_up")
                self.log.error("event=alert_given_up job_id=%s alert=%s sink=%s try=%d/%d: %s", *head, error)  # noqa: TRY400 - one line
                return True
            put_off(self.store, turn, self.clock.now())
            count(metrics.ALERT_DELIVERIES, self.sink.name, "retried")
            pause = turn.pause.total_seconds()
            self.log.warning(
                "event=alert_undelivered job_id=%s alert=%s sink=%s try=%d/%d again_in=%gs: %s", *head, pause, error
            )
            return False
        self._mark("delivered", key)
        count(metrics.ALERT_DELIVERIES, self.sink.name, "ok")
        self.log.info("event=alert_delivered alert=%s sink=%s try=%d", alert.alert_id, self.sink.name, turn.number)
        return True

    def _mark(self, folder: str, key: str) -> None:
        try:
            self.store.create(f"{self.layout.alerts}{folder}/{key}", self.clock.now().isoformat().encode())
        except ObjectExists:
            return


def _serve(line: _Line, slots: SinkSlots) -> None:
    """Serve a line if its sink is free, or becomes free soon."""
    sink, job_id = line.sink.name, line.alerts[0].job_id
    is_free = slots.take(sink, 0)
    if not is_free and not slots.take(sink, SLOT_SECONDS):
        line.log.warning("event=sink_busy job_id=%s sink=%s; its alerts wait", job_id, sink)
        return
    try:
        # Another thread may have sent these alerts while this one waited: read again which are open.
        lines = [line] if is_free else _open_lines(line.store, line.layout, [line.sink], line.log, line.clock)
        for each in lines:
            each.serve()
    except StoreError as error:
        line.log.warning("event=delivery_waits job_id=%s sink=%s error=%s", job_id, sink, error)
    finally:
        slots.free(sink)


def _open_lines(
    store: ObjectStore, layout: JobLayout, sinks: Sequence[Sink], log: logging.Logger, clock: Clock
) -> list[_Line]:
    """Return a line for each sink that lacks an alert. Costs one listing if none does."""
    names = {item.uri.removeprefix(layout.alerts) for item in store.list(layout.alerts)}
    raised = sorted(name for name in names if "/" not in name and name.endswith(".json"))
    settled = {name.partition("/")[2] for name in names if name.startswith(("delivered/", "undelivered/"))}
    open_of = {
        sink.name: [name for name in raised if f"{name.removesuffix('.json')}.{sink.name}" not in settled]
        for sink in sinks
    }
    wanted = {name for found in open_of.values() for name in found}
    read = {name: read_if_readable(Alert, f"{layout.alerts}{name}", store) for name in wanted}
    lines = []
    for sink in sinks:
        found = [alert for name in open_of[sink.name] if (alert := read[name]) is not None]
        alerts = sorted(found, key=lambda alert: (alert.raised_at, alert.number))
        if alerts:
            lines.append(_Line(sink, tuple(alerts), store, layout, log, clock))
    return lines
