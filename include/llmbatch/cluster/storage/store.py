"""The object store as a Ray job opens it: from the usual ``AWS_*`` environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from llmbatch.cluster.storage.metered_store import MeteredStore
from llmbatch.s3.client import open_environment_store

_ENV_PREFIX = "AWS_"


class StoreEnvironment:
    """The variables that open the store, on their way to replicas on nodes whose environment lacks them.

    They travel in an actor's constructor argument and not in its ``runtime_env``, which Ray's dashboard shows. Ray Data
    writes the arguments of its operators to export files: dataclasses and mappings as fields, all else as its text. So
    this is neither of the two, and its text shows names only.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {name: value for name, value in variables.items() if name.startswith(_ENV_PREFIX)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(sorted(self._variables))})"

    def fill_in(self) -> None:
        """Set those variables that are unset in this process."""
        for name, value in self._variables.items():
            os.environ.setdefault(name, value)


def open_store(*, max_connections: int = 32) -> MeteredStore:
    """Return the store, see ``llmbatch.s3.client``, which counts its requests.

    Args:
        max_connections: HTTP connections kept; at least as many as threads will use.
    """
    return MeteredStore(open_environment_store(max_connections=max_connections))
