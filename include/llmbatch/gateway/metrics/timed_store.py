"""The store of the exporter, which measures its requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from prometheus_client import Histogram

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.store import ObjectStore

OPERATIONS = ("get", "get_aged", "head", "list")
"""What the exporter does. Its other methods are not measured."""


class _TimedStore:
    """Each method is that of ``inner``; those of ``OPERATIONS`` are measured. A listing is read to its end."""

    def __init__(self, inner: ObjectStore, seconds: Histogram) -> None:
        self._inner, self._seconds = inner, seconds

    def __getattr__(self, name: str) -> Callable[[str], object]:
        method: Callable[[str], object] = getattr(self._inner, name)
        if name not in OPERATIONS:
            return method

        def measured(uri: str) -> object:
            began, result = time.perf_counter(), "error"
            try:
                answer = method(uri)
                if name == "list":
                    answer = iter(list(cast("list[object]", answer)))
                result = "ok"
            except ObjectMissing:
                result = "ok"  # an answer as good as another
                raise
            finally:
                self._seconds.labels(name, result).observe(time.perf_counter() - began)
            return answer

        return measured


def timed(store: ObjectStore, seconds: Histogram) -> ObjectStore:
    """Return the store, whose requests are observed in ``seconds`` by operation and result: ok, error."""
    return cast("ObjectStore", _TimedStore(store, seconds))
