"""The object store as a Ray job opens it: from the usual ``AWS_*`` environment."""

from __future__ import annotations

import os
from datetime import datetime

from llmbatch.core.s3_store import S3Store

_ENV_PREFIX = "AWS_"


def store_environment() -> dict[str, str]:
    """Return the variables that open the store, for replicas on nodes whose environment lacks them.

    They travel as an actor's constructor argument and not in its ``runtime_env``, which Ray's dashboard shows.
    """
    return {name: value for name, value in os.environ.items() if name.startswith(_ENV_PREFIX)}


def open_store(environment: dict[str, str] | None = None, *, max_connections: int = 32) -> S3Store:
    """Return a store whose client retries by itself (five attempts, exponential back-off) and never hangs.

    Args:
        environment: variables of ``store_environment()``; only those that are unset here are taken.
        max_connections: HTTP connections kept; at least as many as threads will use.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    for name, value in (environment or {}).items():
        os.environ.setdefault(name, value)
    config = Config(
        retries={"mode": "standard", "max_attempts": 5},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=max_connections,
    )
    session = botocore.session.get_session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_stamp)
    return S3Store(boto3.Session(botocore_session=session).client("s3", config=config))


def parse_stamp(value: str) -> datetime:
    """Return the time that S3 wrote. A listing has one for each object, and botocore is slow to read it.

    ``2030-01-02T03:04:05Z`` is read here, every other form (those of headers) by botocore.
    """
    if value[:2] == "20" and value.endswith("Z"):
        return datetime.fromisoformat(value)
    from botocore.utils import parse_timestamp

    return parse_timestamp(value)
