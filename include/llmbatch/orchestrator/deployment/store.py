"""The object store as Airflow opens it: behind a connection of type ``aws``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmbatch.orchestrator.metrics.store_requests import note_request
from llmbatch.s3.client import read_stamps
from llmbatch.s3.polled_store import PolledStore
from llmbatch.s3.requests import RequestNote, report_requests
from llmbatch.s3.store import S3Store

if TYPE_CHECKING:
    import boto3

CONNECTIONS = 32
"""HTTP connections kept: as many as the threads of one process use at once. botocore keeps 10, and drops the others."""

CALLER = "llmbatch"
"""In the user agent."""


def open_store(conn_id: str, note: RequestNote | None = note_request, *, is_polled: bool = False) -> S3Store:
    """Return the store. Imports the amazon provider (about a second), so call it in tasks and threads only.

    Args:
        conn_id: the connection.
        note: gets every request of the store; None: nothing does.
        is_polled: read small objects at little CPU; ``note`` gets none of these reads.
    """
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from botocore.config import Config

    class Hook(S3Hook):
        def _get_caller(self, target_function_name: str = "execute") -> str:  # noqa: ARG002 - the hook's signature
            """Name ourselves to the server: the hook would look at all modules of the process for it, for 0.3 s."""
            return CALLER

        def get_session(self, region_name: str | None = None, deferrable: bool = False) -> boto3.Session:
            """Return the session of the connection, which reads the times of a listing fast."""
            session = super().get_session(region_name, deferrable)
            read_stamps(session._session)  # boto3 has no name for the botocore session that it wraps
            return session

    hook = Hook(aws_conn_id=conn_id)
    # what the connection itself sets wins
    client = hook.get_client_type(config=Config(max_pool_connections=CONNECTIONS).merge(hook.config))
    if note is not None:
        report_requests(client, note)
    return PolledStore(client) if is_polled else S3Store(client)
