"""A guard of every unit test: what the code of a side does to objects in memory is what the table of access grants.

The side is that of the nearest caller: ``llmbatch.orchestrator`` and ``llmbatch.gateway`` are Airflow's, and
``llmbatch.cluster`` is Ray's. What tests do themselves, and commands of operators, is not looked at.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, wraps
from types import FrameType
from typing import Any

import pytest

from llmbatch.core.access import JOB, PLACES, Operation, Place, Side
from llmbatch.core.store import MemoryStore, ObjectInfo

_ROOMS = {
    "llmbatch.orchestrator.maintenance.backup": None,
    "llmbatch.orchestrator": Side.AIRFLOW,
    "llmbatch.gateway": Side.AIRFLOW,
    "llmbatch.cluster": Side.RAY,
    "llmbatch.cli": None,
}
_METHODS = {
    Operation.READ: ("get", "get_aged", "head", "metadata", "open_stream", "read_range", "presigned"),
    Operation.WRITE: ("put", "create", "replace", "upload"),
    Operation.DELETE: ("delete", "delete_version"),
}
_IN_JOB = re.compile(r"s3://.+/jobs/job-[0-9a-f]{16}/.+", re.DOTALL)

_wrong: list[str] = []


@pytest.fixture(autouse=True, scope="session")
def _watched_stores() -> Iterator[None]:
    """Watch every store in memory."""
    with pytest.MonkeyPatch.context() as patch:
        for operation, names in _METHODS.items():
            for name in names:
                patch.setattr(MemoryStore, name, _watched(operation, getattr(MemoryStore, name)))
        copy, delete_many = MemoryStore.copy, MemoryStore.delete_many

        def watched_copy(self: MemoryStore, source: ObjectInfo, uri: str) -> ObjectInfo:
            _look(self, Operation.READ, source.uri)
            _look(self, Operation.WRITE, uri)
            return copy(self, source, uri)

        def watched_delete_many(self: MemoryStore, uris: Iterable[str]) -> None:
            every = [*uris]
            for uri in every:
                _look(self, Operation.DELETE, uri)
            delete_many(self, every)

        patch.setattr(MemoryStore, "copy", watched_copy)
        patch.setattr(MemoryStore, "delete_many", watched_delete_many)
        yield


@pytest.fixture(autouse=True)
def _access_is_granted(_watched_stores: None) -> Iterator[None]:
    """Fail a test whose code did what a key of its side may not do."""
    _wrong.clear()
    yield
    assert _wrong == [], "not granted by llmbatch/core/access.py"


def _watched(operation: Operation, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def watched(self: MemoryStore, uri: str, *args: Any, **kwargs: Any) -> Any:
        _look(self, operation, uri)
        return method(self, uri, *args, **kwargs)

    return watched


def _look(store: MemoryStore, operation: Operation, uri: str) -> None:
    side = _side_of(sys._getframe(2), store)
    if side is None:
        return
    place = _place_of(uri)
    if place is None and operation is not Operation.DELETE and _IN_JOB.fullmatch(uri):
        _wrong.append(f"{side} may not {operation} {uri}: it is in no place")
    elif place is not None and operation not in place.rights_of(side):
        _wrong.append(f"{side} may not {operation} {uri}")


def _side_of(frame: FrameType | None, store: MemoryStore) -> Side | None:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module == "llmbatch.core.store":
            return None  # one method calls another
        room = next((room for room in _ROOMS if module.startswith(room)), None)
        if room is not None:
            return _ROOMS[room]
        is_test = not module.startswith("llmbatch.") and "/tests/" in frame.f_code.co_filename
        if is_test and frame.f_locals.get("self") is not store:  # a test's own kind of store passes calls on
            return None
        frame = frame.f_back
    return None


@lru_cache(maxsize=4096)
def _place_of(uri: str) -> Place | None:
    """Return the place of an address, whatever the base; tests may give jobs shorter ids."""
    return next((place for place, pattern in _PATTERNS if pattern.fullmatch(uri)), None)


def _pattern_of(place: Place) -> re.Pattern[str]:
    in_job = place.pattern.removeprefix(f"{JOB}/")
    rest = re.escape(in_job).replace(r"\*", ".*")
    folder = "jobs/[^/]+/" if in_job != place.pattern else ""
    return re.compile(f"s3://[^/]+/(?:.*/)?{folder}{rest}", re.DOTALL)


_PATTERNS = [(place, _pattern_of(place)) for place in PLACES]
