"""All rows of a job in input order, each ``custom_id`` used once, none with more than the allowed ``max_tokens``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.catalogue import READERS
from llmbatch.orchestrator.inputs.readers.source import Source, shortened
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
        for row in read(source):
            yield row if row.answer_limit <= spec.max_tokens else _too_greedy(row, spec, source)


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
    return _failed(row, message)


def _too_greedy(row: StagedRow, spec: JobSpec, source: Source) -> StagedRow:
    message = (
        f"line {row.line} of {source.name}: max_tokens {row.max_tokens} is above limits.max_tokens "
        f"{spec.max_tokens}. Lower it, or raise the limit in config.yaml"
    )
    return _failed(row, message)


def _failed(row: StagedRow, message: str) -> StagedRow:
    """Return the row as one that never reaches an engine."""
    return replace(
        row,
        request=shortened(row.request),
        input_chars=0,
        max_tokens=None,
        error_class=ErrorClass.INVALID.value,
        error=message,
    )
