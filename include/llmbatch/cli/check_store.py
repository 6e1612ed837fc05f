"""Check that an object store keeps what exactly-once rests on, also when several write at once.

python -m llmbatch.cli.check_store s3://bucket/llmbatch/store-check/
python -m llmbatch.cli.check_store s3://bucket/llmbatch/store-check/ --conn-id llmbatch_s3

The store is that of ``AWS_*``, or of a connection of Airflow.

It writes and removes small objects below the address, and takes some seconds. Exit code 0: the store can be used.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

from llmbatch.core.errors import (
    InputChanged,
    LlmbatchError,
    ObjectChanged,
    ObjectExists,
    ObjectMissing,
    StoreDenied,
    StoreError,
)
from llmbatch.core.store import ObjectStore
from llmbatch.s3.client import open_environment_store

ROUNDS, WRITERS = 25, 8
_OTHER_ETAG = "0" * 32
"""Of no object."""
_ORDERED = 12
"""Objects that are listed."""


@dataclass(frozen=True)
class Line:
    """One check: what it is, and what is wrong (None: nothing), or why it was not made."""

    name: str
    wrong: str | None
    left_out: str = ""

    @property
    def text(self) -> str:
        """The line as it is printed."""
        mark = "WRONG" if self.wrong else "-    " if self.left_out else "ok   "
        return f"{mark} {': '.join(filter(None, [self.name, self.wrong or self.left_out]))}"


def checks(store: ObjectStore, folder: str, *, rounds: int = ROUNDS, writers: int = WRITERS) -> Iterator[Line]:
    """Make the checks one after the other, below ``folder``, which ends in a slash.

    Raises:
        StoreError: the store failed, or the key may not read, write or list below the folder.
    """
    one, absent = f"{folder}one", f"{folder}absent"
    etag = store.put(one, b"one").etag
    yield Line("create where an object is", _refused(ObjectExists, lambda: store.create(one, b"two")))
    yield Line("replace another version", _refused(ObjectChanged, lambda: store.replace(one, b"two", _OTHER_ETAG)))
    gone = _refused((ObjectMissing, ObjectChanged), lambda: store.replace(absent, b"two", etag))
    yield Line("replace what is not there", gone)
    yield Line("read another version", _refused(InputChanged, lambda: store.read_range(one, _OTHER_ETAG, 0, 1)))
    yield Line("content after all that", None if store.get(one) == b"one" else "the object was overwritten")
    try:
        yield Line("delete another version", _refused(ObjectChanged, lambda: store.delete_version(one, _OTHER_ETAG)))
    except StoreDenied:
        yield Line("delete another version", None, "this key may not delete")
    names = [f"{folder}list/{number:02}" for number in range(_ORDERED)]
    for name in reversed(names):
        store.put(name, b"x")
    listed = [info.uri for info in store.list(f"{folder}list/")]
    yield Line("list what was just written, in order", None if listed == names else f"{len(listed)} of {_ORDERED}")
    with ThreadPoolExecutor(writers) as pool:
        yield _race(pool, "create at once", store.create, ObjectExists, _new_keys(folder, rounds), writers)
        swaps = _versions(store, one, rounds)
        yield _race(pool, "replace at once", store.replace, ObjectChanged, swaps, writers)


def _refused(refusal: type[LlmbatchError] | tuple[type[LlmbatchError], ...], write: Callable[[], object]) -> str | None:
    """Return None if the request is refused as it must be."""
    try:
        write()
    except refusal:
        return None
    return "the store ignores the condition"


def _new_keys(folder: str, rounds: int) -> Iterator[tuple[str, ...]]:
    yield from ((f"{folder}race/{number}",) for number in range(rounds))


def _versions(store: ObjectStore, uri: str, rounds: int) -> Iterator[tuple[str, ...]]:
    yield from ((uri, store.head(uri).etag) for _ in range(rounds))


def _race(
    pool: ThreadPoolExecutor,
    name: str,
    write: Callable[..., object],
    refusal: type[LlmbatchError],
    rounds: Iterator[tuple[str, ...]],
    writers: int,
) -> Line:
    """Let all writers write one object at the same moment, in each round: one must win, and its content must stay."""
    bad = played = 0
    for uri, *etag in rounds:
        start = threading.Barrier(writers)

        def attempt(number: int, uri: str = uri, etag: Sequence[str] = etag, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                write(uri, f"{uuid4()} of {number}".encode(), *etag)
            except refusal:
                return False
            return True

        played += 1
        bad += sum(pool.map(attempt, range(writers))) != 1
    return Line(name, f"in {bad} of {played} rounds not exactly one of {writers} writers won" if bad else None)


def _remove(store: ObjectStore, folder: str) -> None:
    try:
        store.delete_many([info.uri for info in store.list(folder)])
    except StoreDenied:
        print(f"This key may not delete: {folder} stays.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: a line for each check; 1 if one is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m llmbatch.cli.check_store",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", help="where objects are written and removed, s3://bucket/prefix/")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each race (default: %(default)s)")
    parser.add_argument("--writers", type=int, default=WRITERS, help="of each race (default: %(default)s)")
    parser.add_argument("--conn-id", help="connection of Airflow, instead of AWS_*")
    given = parser.parse_args(arguments)
    store = _opened(given.conn_id, given.writers)
    return run(store, given.folder, rounds=given.rounds, writers=given.writers)


def _opened(conn_id: str | None, writers: int) -> ObjectStore:
    if conn_id is None:
        return open_environment_store(max_connections=writers)
    # outside of a task Airflow looks for connections in its database only with this setting
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from llmbatch.orchestrator.deployment.store import open_store

    return open_store(conn_id, note=None)


def run(store: ObjectStore, folder: str, *, rounds: int, writers: int) -> int:
    """Print a line for each check, and remove what was written; 1 if one is wrong."""
    own = f"{folder.rstrip('/')}/{uuid4().hex}/"
    wrong = False
    try:
        try:
            for line in checks(store, own, rounds=rounds, writers=writers):
                wrong |= line.wrong is not None
                print(line.text)
        finally:
            _remove(store, own)
    except (StoreError, ValueError) as error:
        print(f"{folder}: {error}", file=sys.stderr)
        return 1
    if wrong:
        print("Rows or requests could be lost or doubled: use another store or version, see docs/stores.md.")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
