"""All rows of a job in input order, and what a repeated ``custom_id`` means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.catalogue import READERS
from llmbatch.orchestrator.inputs.readers.source import Source, object_name, shortened
from llmbatch.orchestrator.staging.custom_ids import CustomIds


def staged_rows(spec: JobSpec, store: ObjectStore) -> Iterator[StagedRow]:
    """Yield the rows of all input objects, streaming.

    Raises:
        RequestError: an object cannot be read at all.
        InputChanged: an object is not the one that was accepted.
    """
    builder = RequestBuilder(spec.request, spec.staging.max_prompt_chars)
    read = READERS[spec.input_format]
    for index, obj in enumerate(spec.objects):
        yield from read(Source(store, obj, index, builder))


class UniqueIds:
    """Makes each ``custom_id`` of a job name one row.

    Where the user gave the ids (OpenAI lines, a named ``id_column``, a column ``custom_id``), the second and later uses
    of an id, in any object, become failed rows; the first use keeps the id even if that row failed. A column ``id`` is
    taken by default only if it is unique. If a value repeats, no row fails, and ``repeats`` is set after the last row:
    then publish delivers all rows without ids. Until then the rows carry the values.
    """

    def __init__(self, spec: JobSpec) -> None:
        self._is_given = spec.input_format is InputFormat.OPENAI_BATCH or spec.request.id_column is not None
        self._names = tuple(object_name(obj.uri, spec.request.source_uri) for obj in spec.objects)
        self.repeats = False

    def checked(self, rows: Iterable[StagedRow]) -> Iterator[StagedRow]:
        """Yield the rows, streaming."""
        with CustomIds() as ids:
            for row in rows:
                first = None
                if row.custom_id is not None and not self.repeats:
                    first = ids.first_use(row.custom_id, row.row_id)
                if first is not None and self._is_given:
                    yield _duplicate(row, first, self._names)
                    continue
                self.repeats = self.repeats or first is not None
                yield row


def _duplicate(row: StagedRow, first: str, objects: tuple[str, ...]) -> StagedRow:
    if row.error is not None:
        return row
    here, there = (row_id.partition("-") for row_id in (row.row_id, first))
    message = (
        f"line {row.line} of {objects[int(here[0])]}: custom_id {row.custom_id!r} was used before, in line "
        f"{int(there[2])} of {objects[int(there[0])]}. Give every row an id of its own, or name another id_column"
    )
    return replace(
        row,
        request=shortened(row.request),
        input_chars=0,
        max_tokens=None,
        error_class=ErrorClass.INVALID.value,
        error=message,
    )
