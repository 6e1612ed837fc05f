"""The ``custom_id`` values of a job: a set on disk, so that memory does not grow with the number of ids."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from types import TracebackType

_CACHE_KIB = 32 * 1024
_TWO_INTS = struct.Struct("<qq")


class CustomIds:
    """Stores where each id was first used, in a temporary database that SQLite deletes when it is closed.

    Ids are kept as 128-bit hashes. Use as a context manager, in one thread.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=OFF")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        self._db.execute("CREATE TABLE seen (head INTEGER PRIMARY KEY, tail INTEGER, row_id TEXT)")
        self._db.execute("BEGIN")
        self._cursor = self._db.cursor()

    def __enter__(self) -> CustomIds:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def first_use(self, custom_id: str, row_id: str) -> str | None:
        """Store the id for this row. Return the row that used it first, or None."""
        head, tail = _TWO_INTS.unpack(hashlib.blake2b(custom_id.encode("utf-8"), digest_size=16).digest())
        done = self._cursor.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (head, tail, row_id)).rowcount
        if done:
            return None
        found: tuple[int, str] = self._db.execute("SELECT tail, row_id FROM seen WHERE head = ?", (head,)).fetchone()
        return found[1] if found[0] == tail else None
