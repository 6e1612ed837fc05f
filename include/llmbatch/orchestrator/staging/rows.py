"""All rows of a job in input order, each ``custom_id`` used once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.catalogue import READERS
from llmbatch.orchestrator.inputs.readers.source import shortened
from llmbatch.orchestrator.inputs.readers.sources import sources
from llmbatch.orchestrator.staging.custom_ids import CustomIds


def staged_rows(spec: JobSpec, objects: Sequence[InputObject], store: ObjectStore) -> Iterator[StagedRow]:
    """Yield the rows of all input objects, streaming.

    Raises:
        RequestError: an object cannot be read at all.
        InputChanged: an object is not the one that was accepted.
    """
    builder = RequestBuilder(spec.request, spec.staging.max_prompt_chars)
    read = READERS[spec.input_format]
    for source in sources(objects, builder, store):
        yield from read(source)


def unique_rows(rows: Iterable[StagedRow], objects: tuple[str, ...]) -> Iterator[StagedRow]:
    """Yield the rows; the second and later uses of a ``custom_id``, in any object, become failed rows.

    The first use keeps the id even if that row failed. ``objects`` are the names of the input objects by index.
    """
    with CustomIds() as ids:
        for row in rows:
            first = ids.first_use(row.custom_id, row.row_id) if row.custom_id is not None else None
            yield row if first is None else _duplicate(row, first, objects)


def _duplicate(row: StagedRow, first: str, objects: tuple[str, ...]) -> StagedRow:
    if row.error is not None:
        return row
    here, there = (row_id.partition("-") for row_id in (row.row_id, first))
    message = (
        f"line {row.line} of {objects[int(here[0])]}: custom_id {row.custom_id!r} was used before, in line "
        f"{int(there[2])} of {objects[int(there[0])]}. Give every row a custom_id of its own"
    )
    return replace(
        row,
        request=shortened(row.request),
        input_chars=0,
        max_tokens=None,
        error_class=ErrorClass.INVALID.value,
        error=message,
    )
