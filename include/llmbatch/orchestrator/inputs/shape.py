"""What the input looks like: its format, and which column holds the prompt."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import InputFormat, JobRequest, OutputFormat
from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import ObjectStore

PROMPT_COLUMNS = ("prompt", "text", "question", "instruction", "input")
"""Columns taken for the prompt, in this order, when a request names none and there is no ``messages`` column."""

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


def format_by_name(uri: str) -> InputFormat | None:
    """Return the format that an object's extension names, None for an unknown one. ``a.jsonl.zst`` is JSONL."""
    name = uri.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return next((fmt for ending, fmt in _BY_NAME.items() if name.endswith(ending)), None)


def resolve_format(request: JobRequest, objects: Sequence[InputObject], store: ObjectStore) -> InputFormat:
    """Return the one format of all objects: the request's, else by extension, JSON lines by a look at the first object.

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
    from llmbatch.orchestrator.input_formats import sniff_format

    return sniff_format(store, objects[0])


def resolve_output_format(request: JobRequest, input_format: InputFormat) -> OutputFormat:
    """Return the asked output format; ``auto`` answers in the input's, and CSV (which cannot nest) in JSON lines."""
    return _ANSWERS[input_format] if request.output_format is OutputFormat.AUTO else request.output_format


def resolve_columns(
    request: JobRequest, fmt: InputFormat, objects: Sequence[InputObject], store: ObjectStore
) -> JobRequest:
    """Return the request with its prompt or messages column filled in, checked against the first object.

    Named columns and those of a template must exist. With nothing named, ``messages`` wins, then ``PROMPT_COLUMNS`` in
    order, then the only column of a one-column input. OpenAI batch lines carry their own prompts.

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
    from llmbatch.orchestrator.input_formats import peek_columns

    columns = peek_columns(store, objects[0], fmt)
    for field in named:
        wanted = request.template_columns if field == "prompt_template" else (getattr(request, field),)
        for name in wanted:
            if name not in columns:
                raise _no_column(field, name, columns, objects[0])
    if named:
        return request
    if "messages" in columns:
        return request.model_copy(update={"messages_column": "messages"})
    column = next((name for name in PROMPT_COLUMNS if name in columns), columns[0] if len(columns) == 1 else None)
    if column is None:
        raise RequestError(
            "prompt_column",
            f"is not given, and {objects[0].uri} has none of messages, {', '.join(PROMPT_COLUMNS)}",
            f"Set prompt_column, messages_column or prompt_template; columns there: {', '.join(columns) or 'none'}.",
        )
    return request.model_copy(update={"prompt_column": column})


def _no_column(field: str, name: str, columns: Sequence[str], item: InputObject) -> RequestError:
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return RequestError(
        field, f"{item.uri} has no column {name!r}", f"{hint}Columns there: {', '.join(columns) or 'none'}."
    )
