"""The object store as Airflow opens it: behind a connection of type ``aws``."""

from __future__ import annotations

from llmbatch.s3.store import S3Store


def open_store(conn_id: str) -> S3Store:
    """Return the store. Imports the amazon provider (about a second), so call it in tasks and threads only."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Store(S3Hook(aws_conn_id=conn_id).get_conn())
