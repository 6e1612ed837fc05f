"""A delivered file in parts of bounded size: one file as long as it is small, numbered files above that."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

PART_BYTES = 512 * 2**20
"""A part that has this many bytes gets no further shard. It is larger by a shard at most, Parquet by a row group."""


class Writer(Protocol):
    """Writes rows of the result schema to one local file."""

    @property
    def size(self) -> int:
        """Bytes written so far."""

    def append(self, table: pa.Table) -> None:
        """Add the rows."""

    def close(self) -> None:
        """Finish the file."""


@dataclass(frozen=True)
class Part:
    """One closed local file: its name in the delivery, where it is, and its number of rows."""

    name: str
    path: Path
    rows: int


class PartedFile:
    """Writes rows to parts, each row to one of them, in order.

    ``results.jsonl`` stays one file up to ``PART_BYTES``. A larger one is ``results-00000.jsonl``,
    ``results-00001.jsonl`` and so on. Equal rows in equal tables make equal parts.

    Args:
        folder: local folder for the parts.
        name: name of the whole file in the delivery.
        open_writer: opens a part at a local path.
    """

    def __init__(self, folder: Path, name: str, open_writer: Callable[[Path], Writer]) -> None:
        self._folder, self._name, self._open_writer = folder, name, open_writer
        self._rows: list[int] = []
        self._writer = self._next()

    @property
    def rows(self) -> int:
        """Rows in all parts."""
        return sum(self._rows)

    def append(self, table: pa.Table) -> None:
        """Add the rows; begin a new part if the last one is full."""
        if not table.num_rows:
            return
        if self._writer.size >= PART_BYTES:
            self._writer.close()
            self._writer = self._next()
        self._writer.append(table)
        self._rows[-1] += table.num_rows

    def close(self) -> None:
        """Finish the last part."""
        self._writer.close()

    def parts(self) -> tuple[Part, ...]:
        """Return the parts of the closed file; at least one, which may be empty."""
        if len(self._rows) == 1:
            return (Part(self._name, self._path(0), self._rows[0]),)
        return tuple(Part(numbered(self._name, n), self._path(n), rows) for n, rows in enumerate(self._rows))

    def _next(self) -> Writer:
        self._rows.append(0)
        return self._open_writer(self._path(len(self._rows) - 1))

    def _path(self, number: int) -> Path:
        return self._folder / numbered(self._name, number)


def is_part(name: str, whole: str) -> bool:
    """Return whether a name is that of a delivered file or of one of its parts."""
    stem, _, extension = whole.rpartition(".")
    return re.fullmatch(rf"{re.escape(stem)}(-\d{{5,}})?\.{re.escape(extension)}", name) is not None


def numbered(name: str, number: int) -> str:
    """Return the name of a part, from 0: ``results-00000.jsonl``."""
    stem, _, extension = name.rpartition(".")
    return f"{stem}-{number:05d}.{extension}"
