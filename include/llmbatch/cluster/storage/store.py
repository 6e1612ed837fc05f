"""The object store as a Ray job opens it: from the usual ``AWS_*`` environment."""

from __future__ import annotations

import os

from llmbatch.s3.client import open_environment_store
from llmbatch.s3.store import S3Store

_ENV_PREFIX = "AWS_"


def store_environment() -> dict[str, str]:
    """Return the variables that open the store, for replicas on nodes whose environment lacks them.

    They travel as an actor's constructor argument and not in its ``runtime_env``, which Ray's dashboard shows.
    """
    return {name: value for name, value in os.environ.items() if name.startswith(_ENV_PREFIX)}


def open_store(environment: dict[str, str] | None = None, *, max_connections: int = 32) -> S3Store:
    """Return the store, see ``llmbatch.s3.client``.

    Args:
        environment: variables of ``store_environment()``; only those that are unset here are taken.
        max_connections: HTTP connections kept; at least as many as threads will use.
    """
    for name, value in (environment or {}).items():
        os.environ.setdefault(name, value)
    return open_environment_store(max_connections=max_connections)
