"""Status: the health of every component, checked at the component."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from llmbatch_stack.components.catalogue import catalogue
from llmbatch_stack.credentials import load_or_create, secrets_file
from llmbatch_stack.process import record
from llmbatch_stack.process.component import Component
from llmbatch_stack.process.record import ComponentPhase, Record
from llmbatch_stack.settings import BUCKET, HOST, Settings


@dataclass(frozen=True)
class ComponentStatus:
    """One line of the table; `wrong` is None when the component is healthy."""

    name: str
    wrong: str | None
    pid: int
    up_s: float
    restarts: int


def status(settings: Settings) -> list[ComponentStatus]:
    """Check the supervisor and all components at the same time."""
    records = record.read_all(settings.run)
    supervisor = records.get(record.SUPERVISOR)
    if supervisor is None or not supervisor.is_alive():
        text = "not running; `make up` starts the stack"
        first = ComponentStatus(record.SUPERVISOR, text, 0, 0.0, 0)
    else:
        first = ComponentStatus(record.SUPERVISOR, None, supervisor.pid, time.time() - supervisor.started_at, 0)
    components = catalogue(settings, load_or_create(settings))
    with ThreadPoolExecutor(len(components)) as pool:
        return [first, *pool.map(lambda one: _status_of(one, records.get(one.name)), components)]


def _status_of(component: Component, found: Record | None) -> ComponentStatus:
    if found is None:
        return ComponentStatus(component.name, "not started", 0, 0.0, 0)
    if not found.is_alive():
        wrong: str | None = f"{found.phase}: {found.detail}" if found.detail else f"{found.phase}: no process"
        return ComponentStatus(component.name, wrong, 0, 0.0, found.restarts)
    wrong = component.check(found.started_at)
    if wrong is None and found.phase is not ComponentPhase.READY:
        wrong = f"{found.phase} {found.detail}".strip()
    return ComponentStatus(component.name, wrong, found.pid, time.time() - found.started_at, found.restarts)


def table(rows: list[ComponentStatus]) -> str:
    """Return the status as text, one component a line."""
    lines = [f"{'component':<23}{'pid':>8}{'up':>9}{'restarts':>10}  state"]
    for row in rows:
        up = f"{row.up_s:.0f} s" if row.pid else "-"
        state = "healthy" if row.wrong is None else row.wrong
        lines.append(f"{row.name:<23}{row.pid or '-':>8}{up:>9}{row.restarts:>10}  {state}")
    return "\n".join(lines)


def addresses(settings: Settings) -> str:
    """Return where a person finds what; it names the file of the passwords, never a password."""
    return "\n".join(
        [
            f"Airflow  {settings.airflow_url}  (user admin, password in {secrets_file(settings)})",
            f"Ray      {settings.ray_url}  (token in the same file)",
            f"S3       {settings.s3_url}  bucket {BUCKET} (keys in the same file)",
            f"logs     {settings.logs}",
        ]
    )


def monitoring_addresses(settings: Settings) -> str:
    """Return where a person finds what `make monitor` started."""
    return "\n".join(
        [
            f"Prometheus    {settings.prometheus_url}  (alerts: /alerts, targets: /targets)",
            f"Alertmanager  {settings.alertmanager_url}  (active alerts: /api/v2/alerts)",
            f"StatsD        udp {HOST}:{settings.port('statsd_udp')}, its metrics http://{HOST}:{settings.port('statsd_http')}/metrics",
        ]
    )
