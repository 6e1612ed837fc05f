"""The list of components that make up one stack."""

from dataclasses import replace
from pathlib import Path

from llmbatch_stack.components import airflow, alertmanager, postgres, prometheus, ray_head, seaweedfs, statsd_exporter
from llmbatch_stack.credentials import Credentials
from llmbatch_stack.process.component import Component
from llmbatch_stack.settings import Settings


def catalogue(settings: Settings, credentials: Credentials) -> list[Component]:
    """Return every component; those that need none of the others start at the same moment."""
    database = replace(postgres.component(settings), finish=airflow.migrate(settings, credentials))
    stack = [
        seaweedfs.component(settings, credentials),
        database,
        ray_head.component(settings, credentials),
        *airflow.components(settings, credentials),
    ]
    monitored = monitored_with(settings)
    return stack if monitored is None else [*stack, *monitoring(replace(settings, monitoring=monitored), credentials)]


def monitoring(settings: Settings, credentials: Credentials) -> list[Component]:
    """Return what `make monitor` adds."""
    return [
        statsd_exporter.component(settings),
        alertmanager.component(settings),
        prometheus.component(settings, credentials),
    ]


def monitored_with(settings: Settings) -> Path | None:
    """Return the folder of the configuration with which the stack is monitored; None if it is not."""
    flag = _flag(settings)
    return Path(flag.read_text()) if flag.exists() else None


def set_monitored(settings: Settings, folder: Path | None) -> None:
    """Say with which configuration the stack is monitored; None: not at all. A stack that ends is not monitored."""
    if folder is None:
        _flag(settings).unlink(missing_ok=True)
    else:
        _flag(settings).write_text(str(folder))


def _flag(settings: Settings) -> Path:
    return settings.run / "monitored"
