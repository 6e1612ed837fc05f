"""Format and columns of an input object, from its name and its first bytes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from itertools import islice

from llmbatch.core.errors import RequestError, RowError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import InputObject
from llmbatch.core.request_options import InputFormat, OutputFormat
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.first_rows import first_with_rows, looked_at
from llmbatch.orchestrator.inputs.readers.csv_records import csv_records
from llmbatch.orchestrator.inputs.readers.csv_table import delimiter_of, header_of
from llmbatch.orchestrator.inputs.readers.json_object import json_object
from llmbatch.orchestrator.inputs.readers.parquet import open_parquet
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import COLUMNS_SHOWN, Source, decoded, shown_columns

PROMPT_COLUMNS = ("prompt", "text", "question", "instruction", "input")
"""Default prompt columns, in this order, for a request without a column and an input without ``messages``."""

_PROMPT_FIELDS = ("prompt_column", "messages_column", "prompt_template")
_COMPRESSED = (".gz", ".zst")
_BY_NAME = {
    ".jsonl": InputFormat.JSONL,
    ".ndjson": InputFormat.JSONL,
    ".json": InputFormat.JSONL,
    ".parquet": InputFormat.PARQUET,
    ".pq": InputFormat.PARQUET,
    ".csv": InputFormat.CSV,
    ".tsv": InputFormat.CSV,
}
_ANSWERS = {
    InputFormat.OPENAI_BATCH: OutputFormat.OPENAI_BATCH,
    InputFormat.PARQUET: OutputFormat.PARQUET,
    InputFormat.JSONL: OutputFormat.JSONL,
    InputFormat.CSV: OutputFormat.JSONL,
}
_LINES_TRIED = 10


def sniff_format(store: ObjectStore, obj: InputObject) -> InputFormat:
    """Return the format: by extension (under ``.gz`` or ``.zst`` too), then, for JSON lines, by the first object.

    An object without a known extension must start with a JSON object or be Parquet.

    Raises:
        RequestError: the format cannot be determined, or the object is one JSON document instead of JSON lines.
        InputChanged: the object has changed since it was listed.
    """
    by_name = format_by_name(obj.uri)
    if by_name is not None and by_name is not InputFormat.JSONL:
        return by_name
    if by_name is None and obj.size >= 4 and RangeFile(store, obj).read(4) == b"PAR1":
        return InputFormat.PARQUET
    texts = list(islice(_texts(looked_at(store, obj)), _LINES_TRIED))
    first = next(_objects(texts), None)
    if first is not None:
        return InputFormat.OPENAI_BATCH if {"custom_id", "body"} <= first.keys() else InputFormat.JSONL
    if texts and (texts[0].startswith("[") or texts[0] == "{"):
        raise RequestError(
            "input_uri", f"{obj.uri} is one JSON document, not JSON lines", "Write one JSON object per line."
        )
    if by_name is None:
        raise RequestError(
            "input_format", f"auto cannot determine the format of {obj.uri}", "Set openai_batch, jsonl, parquet or csv."
        )
    return by_name


def peek_columns(store: ObjectStore, obj: InputObject, fmt: InputFormat) -> tuple[str, ...]:
    """Return the columns: Parquet schema, CSV header, or the keys of the first JSON object; none if it is empty.

    Raises:
        RequestError: the object is not of that format at all.
    """
    source = looked_at(store, obj)
    if fmt is InputFormat.PARQUET:
        return tuple(open_parquet(source, RangeFile(store, obj)).schema_arrow.names)
    if fmt is InputFormat.CSV:
        records = csv_records(source.lines(), delimiter_of(obj.uri), source.max_line_bytes)
        return tuple(header_of(source, next(records, None)))
    texts = islice(_texts(source), _LINES_TRIED)
    return tuple(next(_objects(texts), {}))


def format_by_name(uri: str) -> InputFormat | None:
    """Return the format that an object's extension names, None for an unknown one. ``a.jsonl.zst`` is JSONL."""
    name = uri.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return next((fmt for ending, fmt in _BY_NAME.items() if name.endswith(ending)), None)


def resolve_format(request: JobRequest, objects: Sequence[InputObject], store: ObjectStore) -> InputFormat:
    """Return the one format of all objects: the request's, else by extension, JSON lines by the first with a row.

    Raises:
        RequestError: objects of several formats, or of none that is known.
    """
    if request.input_format is not InputFormat.AUTO:
        return request.input_format
    examples: dict[InputFormat | None, str] = {}
    for item in objects:
        examples.setdefault(format_by_name(item.uri), item.uri)
    if len(examples) > 1:
        kinds = "; ".join(f"{fmt.value if fmt else 'unknown'}: {uri}" for fmt, uri in examples.items())
        raise RequestError(
            "input_uri",
            f"names objects of different formats ({kinds})",
            "Narrow it with a glob such as s3://bucket/prefix/*.parquet, or set input_format.",
        )
    named = next(iter(examples))
    if named is not None and named is not InputFormat.JSONL:
        return named
    return sniff_format(store, first_with_rows(store, objects, named))


def resolve_output_format(request: JobRequest, input_format: InputFormat) -> OutputFormat:
    """Return the requested output format; ``auto`` is the input's, and JSON lines for CSV, which cannot nest."""
    return _ANSWERS[input_format] if request.output_format is OutputFormat.AUTO else request.output_format


def resolve_columns(
    request: JobRequest, fmt: InputFormat, objects: Sequence[InputObject], store: ObjectStore
) -> JobRequest:
    """Return the request with its prompt or messages column filled in, checked against the first object with a row.

    Named columns and those of a template must exist. Without a named column, ``messages`` is used, then
    ``PROMPT_COLUMNS`` in order, then the only column of a one-column input. OpenAI batch lines carry their own prompts.

    Raises:
        RequestError: naming the field, with the columns that exist.
    """
    named = [name for name in _PROMPT_FIELDS if getattr(request, name) is not None]
    if fmt is InputFormat.OPENAI_BATCH:
        if named:
            raise RequestError(
                named[0], "does not apply to OpenAI batch lines, which carry their own prompts", "Leave it out."
            )
        return request
    example = first_with_rows(store, objects, fmt)
    columns = peek_columns(store, example, fmt)
    there = frozenset(columns)
    for field in named:
        wanted = request.template_columns if field == "prompt_template" else (getattr(request, field),)
        for name in wanted:
            if name not in there:
                raise _no_column(field, name, columns, example)
    if named:
        return request
    if "messages" in columns:
        return request.model_copy(update={"messages_column": "messages"})
    column = next((name for name in PROMPT_COLUMNS if name in columns), columns[0] if len(columns) == 1 else None)
    if column is None:
        raise RequestError(
            "prompt_column",
            f"is not given, and {example.uri} has none of messages, {', '.join(PROMPT_COLUMNS)}",
            f"Set prompt_column, messages_column or prompt_template; columns there: {shown_columns(columns)}.",
        )
    return request.model_copy(update={"prompt_column": column})


def _no_column(field: str, name: str, columns: Sequence[str], item: InputObject) -> RequestError:
    near = difflib.get_close_matches(name, columns[:COLUMNS_SHOWN], n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return RequestError(field, f"{item.uri} has no column {name!r}", f"{hint}Columns there: {shown_columns(columns)}.")


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
