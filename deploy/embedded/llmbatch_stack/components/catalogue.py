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
    return [
        seaweedfs.component(settings, credentials),
        database,
        ray_head.component(settings, credentials),
        *airflow.components(settings, credentials),
        *(monitoring(settings, credentials) if monitored(settings).exists() else ()),
    ]


def monitoring(settings: Settings, credentials: Credentials) -> list[Component]:
    """Return what `make monitor` adds."""
    return [
        statsd_exporter.component(settings),
        alertmanager.component(settings),
        prometheus.component(settings, credentials),
    ]


def monitored(settings: Settings) -> Path:
    """Return the file that exists while the stack is monitored; it ends with the stack."""
    return settings.run / "monitored"
