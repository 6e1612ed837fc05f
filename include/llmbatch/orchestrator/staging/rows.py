"""All rows of a job in input order, and what a repeated id means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.request_options import InputFormat
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.catalogue import READERS
from llmbatch.orchestrator.inputs.readers.source import object_name, shortened
from llmbatch.orchestrator.inputs.readers.sources import sources
from llmbatch.orchestrator.staging.custom_ids import CustomIds


def staged_rows(
    spec: JobSpec, objects: Sequence[InputObject], store: ObjectStore, builder: RequestBuilder
) -> Iterator[StagedRow]:
    """Yield the rows of all input objects, streaming. ``builder`` counts afterwards the models that they name.

    Raises:
        RequestError: an object cannot be read at all.
        InputChanged: an object is not the one that was accepted.
    """
    read = READERS[spec.input_format]
    for source in sources(objects, builder, store):
        yield from read(source)


class UniqueIds:
    """Makes each ``custom_id`` of a job name one row.

    Where the user gave the ids (OpenAI lines, a named ``id_column``, a column ``custom_id``), the second and later uses
    of an id, in any object, become failed rows; the first use keeps the id even if that row failed. A column ``id`` is
    taken by default only if it is unique. If a value repeats, no row fails, and ``repeats`` is set after the last row:
    then publish delivers all rows without ids. Until then the rows carry the values.
    """

    def __init__(self, spec: JobSpec) -> None:
        self._is_given = spec.input_format is InputFormat.OPENAI_BATCH or spec.request.id_column is not None
        self._source_uri = spec.request.source_uri
        self.repeats = False

    def checked(self, rows: Iterable[StagedRow], objects: Sequence[InputObject]) -> Iterator[StagedRow]:
        """Yield the rows of these objects, streaming."""
        with CustomIds() as ids:
            for row in rows:
                first = None
                if row.custom_id is not None and not self.repeats:
                    first = ids.first_use(row.custom_id, row.row_id)
                if first is not None and self._is_given:
                    yield _duplicate(row, first, objects, self._source_uri)
                    continue
                self.repeats = self.repeats or first is not None
                yield row


def _duplicate(row: StagedRow, first: str, objects: Sequence[InputObject], source_uri: str) -> StagedRow:
    if row.error is not None:
        return row
    here, there = (row_id.partition("-") for row_id in (row.row_id, first))
    names = [object_name(objects[int(row_id[0])].uri, source_uri) for row_id in (here, there)]
    message = (
        f"line {row.line} of {names[0]}: custom_id {row.custom_id!r} was used before, in line "
        f"{int(there[2])} of {names[1]}. Give every row an id of its own, or name another id_column"
    )
    return failed_row(row, message)


def failed_row(row: StagedRow, message: str, error_class: ErrorClass = ErrorClass.INVALID) -> StagedRow:
    """Return the row as one that never reaches an engine."""
    return replace(
        row,
        request=shortened(row.request),
        input_chars=0,
        answer_limit=0,
        error_class=error_class.value,
        error=message,
    )
