"""Format and columns of an input object, from its name and its first bytes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from llmbatch.core.endpoints import Task
from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import InputObject
from llmbatch.core.layout import split_uri
from llmbatch.core.request_options import NO_ID_COLUMN, CsvOptions, InputFormat, OutputFormat
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.columns import (
    COMPANIONS,
    DEFAULT_COLUMNS,
    MESSAGE_COLUMNS,
    PAIRS,
    pair_columns,
)
from llmbatch.orchestrator.inputs.first_rows import first_with_rows, looked_at
from llmbatch.orchestrator.inputs.keep import FIELD as KEEP_FIELD
from llmbatch.orchestrator.inputs.keep import require_table
from llmbatch.orchestrator.inputs.peek import Columns, JsonHead, json_head
from llmbatch.orchestrator.inputs.readers.csv_table import open_csv
from llmbatch.orchestrator.inputs.readers.parquet import open_parquet
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import COLUMNS_SHOWN, shown_columns

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
_OPENAI_KEYS = {"url", "body"}


def sniff_format(store: ObjectStore, obj: InputObject) -> InputFormat:
    """Return the format: by extension (under ``.gz`` or ``.zst`` too), then, for JSON lines, by most of the first rows.

    An object without a known extension must start with JSON objects or be Parquet.

    Raises:
        RequestError: the format cannot be determined, or the object is not JSON lines.
        InputChanged: the object has changed since it was listed.
    """
    by_name = format_by_name(obj.uri)
    if by_name is not None and by_name is not InputFormat.JSONL:
        return by_name
    if by_name is None and obj.size >= 4 and RangeFile(store, obj).read(4) == b"PAR1":
        return InputFormat.PARQUET
    bucket, _ = split_uri(obj.uri)
    head = json_head(looked_at(store, obj, JobRequest(input_uri=f"s3://{bucket}/")))
    if by_name is None and not head.objects and not head.is_document:
        raise RequestError(
            "input_format", f"auto cannot determine the format of {obj.uri}", "Set openai_batch, jsonl, parquet or csv."
        )
    _require_json(head, obj)
    openai = sum(record.keys() >= _OPENAI_KEYS for record in head.objects)
    return InputFormat.OPENAI_BATCH if openai and 2 * openai >= len(head.objects) else InputFormat.JSONL


def peek_columns(store: ObjectStore, obj: InputObject, fmt: InputFormat, request: JobRequest) -> Columns:
    """Return the columns: Parquet schema, CSV header, or the keys of the first JSON objects; none if it is empty.

    Raises:
        RequestError: the object is not of that format at all.
    """
    source = looked_at(store, obj, request)
    if fmt is InputFormat.PARQUET:
        return Columns.of_table(open_parquet(source, RangeFile(store, obj)).schema_arrow.names, is_certain=True)
    if fmt is InputFormat.CSV:
        return Columns.of_table(open_csv(source).header, is_certain=not request.csv.header)
    head = json_head(source)
    _require_json(head, obj)
    return Columns.of_rows(head.objects)


def format_by_name(uri: str) -> InputFormat | None:
    """Return the format that an object's extension names, None for an unknown one. ``a.jsonl.zst`` is JSONL."""
    name = uri.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return next((fmt for ending, fmt in _BY_NAME.items() if name.endswith(ending)), None)


def resolve_format(request: JobRequest, objects: Sequence[InputObject], store: ObjectStore) -> InputFormat:
    """Return the one format of all objects: the request's, else by extension, else that of the first with a row.

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
    return sniff_format(store, first_with_rows(store, objects, named, request))


def resolve_output_format(request: JobRequest, input_format: InputFormat) -> OutputFormat:
    """Return the requested output format; ``auto`` is the input's, and JSON lines for CSV, which cannot nest."""
    return _ANSWERS[input_format] if request.output_format is OutputFormat.AUTO else request.output_format


def resolve_columns(
    request: JobRequest, fmt: InputFormat, objects: Sequence[InputObject], store: ObjectStore
) -> JobRequest:
    """Return the request with its prompt or messages column filled in, checked against the first object with a row.

    Named columns and those of a template must exist. Without a named column, the default columns are used (see
    ``columns``), then the only column of a Parquet object or of a CSV object without a header. ``instruction`` and
    ``question`` are not filled in: their other columns are taken row by row. OpenAI batch lines have no columns.

    Raises:
        RequestError: naming the field, with the columns that exist.
    """
    require_table(request, fmt, resolve_output_format(request, fmt))
    if request.csv != CsvOptions() and fmt is not InputFormat.CSV:
        raise RequestError("csv", f"does not apply to {fmt.value} input", "Leave it out, or set input_format.")
    named = [name for name in _PROMPT_FIELDS if getattr(request, name) is not None]
    if fmt is InputFormat.OPENAI_BATCH:
        fields = [*named, *(["id_column"] if request.id_column is not None else [])]
        if fields:
            raise RequestError(
                fields[0],
                "does not apply to OpenAI batch lines, which carry their own prompts and ids",
                "Leave it out.",
            )
        return request
    example = first_with_rows(store, objects, fmt, request)
    columns = peek_columns(store, example, fmt, request)
    there = frozenset(columns.names)
    if request.task is Task.SCORE:
        _require_pair(columns, example, fmt)
    has_prompt = not named and request.task is not Task.SCORE
    found: dict[str, Any] = _prompt_field(columns, example, fmt) if has_prompt else {}
    if request.id_column is None and "custom_id" in there:
        found["id_column"] = "custom_id"
    elif request.id_column is not None and request.id_column != NO_ID_COLUMN:
        named.append("id_column")
    found |= _kept_names(request, columns, example, fmt)
    for field in named:
        wanted = request.template_columns if field == "prompt_template" else (getattr(request, field),)
        for name in wanted:
            if name not in there:
                raise _no_column(field, name, columns.names, example, fmt)
    return request.model_copy(update=found)


def _kept_names(request: JobRequest, columns: Columns, item: InputObject, fmt: InputFormat) -> dict[str, Any]:
    """Return ``keep_columns`` of JSON lines with names in place of ``all``: the keys of the first rows."""
    if isinstance(request.keep_columns, tuple):
        for name in request.keep_columns:
            if name not in columns.names:
                raise _no_column(KEEP_FIELD, name, columns.names, item, fmt)
    return {KEEP_FIELD: columns.names} if fmt is InputFormat.JSONL and request.keep_columns == "all" else {}


def _require_pair(columns: Columns, item: InputObject, fmt: InputFormat) -> None:
    if columns.names and pair_columns(columns.names) is None:
        pairs = " or ".join(f"{first} and {second}" for first, second in PAIRS)
        raise RequestError(
            "task",
            f"score needs the columns {pairs}, and {item.uri} has none of these pairs",
            f"Rename its columns; columns there: {_listed(columns.names, fmt)}",
        )


def _prompt_field(columns: Columns, item: InputObject, fmt: InputFormat) -> dict[str, str]:
    """Return the field and the column that a request without a prompt column gets."""
    if columns.prompt is None:
        raise RequestError(
            "prompt_column",
            f"is not given, and {item.uri} has none of {', '.join(DEFAULT_COLUMNS)}",
            f"Set prompt_column, messages_column or prompt_template; columns there: {_listed(columns.names, fmt)}",
        )
    if columns.prompt in COMPANIONS:
        return {}
    return {"messages_column" if columns.prompt in MESSAGE_COLUMNS else "prompt_column": columns.prompt}


def _no_column(field: str, name: str, columns: Sequence[str], item: InputObject, fmt: InputFormat) -> RequestError:
    near = difflib.get_close_matches(name, columns[:COLUMNS_SHOWN], n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return RequestError(field, f"{item.uri} has no column {name!r}", f"{hint}Columns there: {_listed(columns, fmt)}")


def _listed(columns: Sequence[str], fmt: InputFormat) -> str:
    """Return the columns, and for CSV how the first line is read otherwise."""
    names = shown_columns(columns)
    if fmt is not InputFormat.CSV or not columns:
        return f"{names}."
    return f"{names}. If the first line is a row, set csv.header to false; if it is split wrongly, set csv.delimiter."


def _require_json(head: JsonHead, obj: InputObject) -> None:
    """Refuse an object whose first lines hold no JSON object; one without any line is only empty."""
    if head.is_document:
        raise RequestError(
            "input_uri", f"{obj.uri} is one JSON document, not JSON lines", "Write one JSON object per line."
        )
    if head.problem is not None and not head.objects:
        raise RequestError(
            "input_uri",
            f"{obj.uri} is not JSON lines: {head.problem}",
            "Repair it, or set input_format if it is of another format.",
        )
