"""The list of components that make up one stack."""

from dataclasses import replace

from llmbatch_stack.components import airflow, postgres, ray_head, seaweedfs
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
    ]
