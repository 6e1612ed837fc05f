"""The first object of an input that has a row: an empty part says nothing about format and columns."""

from __future__ import annotations

from collections.abc import Sequence

from llmbatch.core.config_sections import StagingConfig
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import InputObject
from llmbatch.core.request_options import InputFormat
from llmbatch.core.serving import Serving
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.csv_table import open_csv
from llmbatch.orchestrator.inputs.readers.look import Look
from llmbatch.orchestrator.inputs.readers.parquet import PARQUET_MAGIC, open_parquet
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import Source

LOOKED_CHARS = 400_000
"""Longest prompt of a look; it bounds the lines that are kept."""


def first_with_rows(
    store: ObjectStore, objects: Sequence[InputObject], fmt: InputFormat | None, request: JobRequest
) -> InputObject:
    """Return the first object with a row, the first of all if none has one. ``fmt`` is None if it is not known.

    Raises:
        RequestError: an object before that one cannot be read, or so many are empty that the ``Look`` is over.
        InputChanged: an object has changed since it was listed.
    """
    if len(objects) == 1:
        return objects[0]
    look = Look()
    return next((obj for obj in objects if _has_row(looked_at(store, obj, request, look), fmt)), objects[0])


def looked_at(store: ObjectStore, obj: InputObject, request: JobRequest, look: Look | None = None) -> Source:
    """Return the object as a source of which only a part is read."""
    builder = RequestBuilder(request, StagingConfig(max_prompt_chars=LOOKED_CHARS), Serving())
    return Source(store, obj, 0, builder, look or Look())


def _has_row(source: Source, fmt: InputFormat | None) -> bool:
    if source.look is not None:
        source.look.check_time(source.obj.uri)
    file = RangeFile(source.store, source.obj)
    if fmt is InputFormat.PARQUET or (fmt is None and file.peek(0, len(PARQUET_MAGIC)) == PARQUET_MAGIC):
        return int(open_parquet(source, file).metadata.num_rows) > 0
    if fmt is InputFormat.CSV:
        return next(open_csv(source).records, None) is not None
    return any(line.problem or line.raw.strip() for line in source.lines())
