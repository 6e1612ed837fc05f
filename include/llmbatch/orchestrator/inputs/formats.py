"""What an input object is: its format and its columns, from its name and its first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from llmbatch.core.errors import RequestError, RowError
from llmbatch.core.job_request import InputFormat, JobRequest
from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.readers.csv_records import csv_records
from llmbatch.orchestrator.readers.csv_table import delimiter_of, header_of
from llmbatch.orchestrator.readers.json_object import json_object
from llmbatch.orchestrator.readers.parquet import open_parquet
from llmbatch.orchestrator.readers.range_file import RangeFile
from llmbatch.orchestrator.readers.source import Source, decoded
from llmbatch.orchestrator.staged_request import RequestBuilder

_EXTENSIONS = {
    "parquet": InputFormat.PARQUET,
    "pq": InputFormat.PARQUET,
    "csv": InputFormat.CSV,
    "tsv": InputFormat.CSV,
    "jsonl": InputFormat.JSONL,
    "ndjson": InputFormat.JSONL,
    "json": InputFormat.JSONL,
}
_LINES_TRIED = 10
_PEEK_PROMPT_CHARS = 400_000


def sniff_format(store: ObjectStore, obj: InputObject) -> InputFormat:
    """Return the format: by extension (under ``.gz`` or ``.zst`` too), then, for JSON lines, by the first object.

    An object without a known extension must start with a JSON object or be Parquet.

    Raises:
        RequestError: the format cannot be told, or the object is one JSON document instead of JSON lines.
        InputChanged: the object is no longer the one that was listed.
    """
    name = obj.uri.rsplit("/", 1)[-1].lower().removesuffix(".gz").removesuffix(".zst")
    by_name = _EXTENSIONS.get(name.rpartition(".")[2])
    if by_name is not None and by_name is not InputFormat.JSONL:
        return by_name
    if by_name is None and obj.size >= 4 and RangeFile(store, obj).read(4) == b"PAR1":
        return InputFormat.PARQUET
    texts = list(islice(_texts(_source(store, obj)), _LINES_TRIED))
    first = next(_objects(texts), None)
    if first is not None:
        return InputFormat.OPENAI_BATCH if {"custom_id", "body"} <= first.keys() else InputFormat.JSONL
    if texts and (texts[0].startswith("[") or texts[0] == "{"):
        raise RequestError(
            "input_uri", f"{obj.uri} is one JSON document, not JSON lines", "Write one JSON object per line."
        )
    if by_name is None:
        raise RequestError(
            "input_format", f"auto cannot tell the format of {obj.uri}", "Set openai_batch, jsonl, parquet or csv."
        )
    return by_name


def peek_columns(store: ObjectStore, obj: InputObject, fmt: InputFormat) -> tuple[str, ...]:
    """Return the columns: Parquet schema, CSV header, or the keys of the first JSON object; none if it is empty.

    Raises:
        RequestError: the object is not of that format at all.
    """
    source = _source(store, obj)
    if fmt is InputFormat.PARQUET:
        return tuple(open_parquet(source, RangeFile(store, obj)).schema_arrow.names)
    if fmt is InputFormat.CSV:
        records = csv_records(source.lines(), delimiter_of(obj.uri), source.max_line_bytes)
        return tuple(header_of(source, next(records, None)))
    texts = islice(_texts(source), _LINES_TRIED)
    return tuple(next(_objects(texts), {}))


def _source(store: ObjectStore, obj: InputObject) -> Source:
    request = JobRequest(input_uri=obj.uri)
    return Source(store, obj, 0, RequestBuilder(request, _PEEK_PROMPT_CHARS))


def _texts(source: Source) -> Iterator[str]:
    """Yield lines that are neither blank nor broken, stripped."""
    for line in source.lines():
        try:
            text = decoded(line).strip()
        except RowError:
            continue
        if text:
            yield text


def _objects(texts: Iterator[str] | list[str]) -> Iterator[dict[str, object]]:
    for text in texts:
        try:
            yield json_object(text)
        except RowError:
            continue
