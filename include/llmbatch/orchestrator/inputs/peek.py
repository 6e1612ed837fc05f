"""What the first rows of an input object say about its format and its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from llmbatch.core.errors import RequestError, RowError
from llmbatch.orchestrator.inputs.columns import DEFAULT_COLUMNS, default_columns
from llmbatch.orchestrator.inputs.readers.json_object import json_object
from llmbatch.orchestrator.inputs.readers.lines import Line
from llmbatch.orchestrator.inputs.readers.source import Source, decoded

_ROWS = 100
_BYTES = 2**20


class JsonHead(NamedTuple):
    """The JSON objects among the first lines, and why the first bad line has none."""

    objects: list[dict[str, object]]
    problem: str | None
    is_document: bool
    """Whether the lines are those of one JSON document."""


class Columns(NamedTuple):
    """The columns of an object, and which of them holds the prompt if the request names none."""

    names: tuple[str, ...]
    prompt: str | None

    @classmethod
    def of_table(cls, names: Sequence[str], *, is_certain: bool) -> Columns:
        """Return the columns of a table; ``is_certain``: they are names, so that a single one needs no known name."""
        found = default_columns(names)
        if found is not None:
            return cls(tuple(names), found[0])
        return cls(tuple(names), names[0] if is_certain and len(names) == 1 else None)

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, object]]) -> Columns:
        """Return all keys of the rows, and the prompt column of most of them; of equals, the first of the defaults."""
        mains = Counter(found[0] for found in map(default_columns, rows) if found is not None)
        names = tuple(dict.fromkeys(name for row in rows for name in row))
        return cls(names, max(mains, key=lambda name: (mains[name], -DEFAULT_COLUMNS.index(name)), default=None))


def json_head(source: Source) -> JsonHead:
    """Read up to 100 lines that are not blank, and no further one after 1 MiB; fewer if the source's ``Look`` is over.

    Raises:
        RequestError: the object cannot be read, or the ``Look`` is over before there is a JSON object.
    """
    objects: list[dict[str, object]] = []
    problem: str | None = None
    first: bytes | None = None
    for line in _filled(source, objects):
        first = first if first is not None else line.raw.strip()
        try:
            objects.append(json_object(decoded(line)))
        except RowError as error:
            problem = problem or f"line {line.number}: {error.message}"
    is_document = first in (b"[", b"{") or (first is not None and first.startswith(b"[") and not objects)
    return JsonHead(objects, problem, is_document)


def _filled(source: Source, objects: Sequence[object]) -> Iterator[Line]:
    """Yield the first lines that are not blank; the end of the look is an error only while there are no objects."""
    count = size = 0
    try:
        for line in source.lines():
            if not line.problem and not line.raw.strip():
                continue
            yield line
            count, size = count + 1, size + len(line.raw)
            if count >= _ROWS or size > _BYTES:
                return
    except RequestError:
        if not objects or source.look is None or not source.look.is_over:
            raise
