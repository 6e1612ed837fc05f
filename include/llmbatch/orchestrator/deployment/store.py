"""The object store as Airflow opens it: behind a connection of type ``aws``, or from the environment."""

from __future__ import annotations

from llmbatch.core.s3_store import S3Store


def open_store(conn_id: str) -> S3Store:
    """Return the store. Imports the amazon provider (about a second), so call it in tasks and threads only."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Store(S3Hook(aws_conn_id=conn_id).get_conn())


def open_environment_store() -> S3Store:
    """Return the store of the usual ``AWS_*`` environment, for commands that a person types."""
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5, read_timeout=60, max_pool_connections=32
    )
    return S3Store(boto3.client("s3", config=config))
