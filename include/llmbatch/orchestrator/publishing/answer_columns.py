"""The columns that a table has of its rows' answers: which ones by task, and their values in Parquet."""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Sequence

import pyarrow as pa

from llmbatch.core.endpoints import Task
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.publishing.answers import Answer

_TEXT = pa.string()
_VECTOR = pa.list_(pa.float32())
ANSWER_TYPES: dict[str, pa.DataType] = {
    "text": _TEXT,
    "reasoning": _TEXT,
    "tool_calls": _TEXT,
    "finish_reason": _TEXT,
    "logprobs": _TEXT,
    "choices": _TEXT,
    "embedding": _VECTOR,
    "label": _TEXT,
    "scores": _VECTOR,
}
"""All columns of answers in their order. Lists and objects, such as ``tool_calls``, are JSON text in Parquet."""

_BY_TASK = {
    Task.GENERATE: ("text", "reasoning", "tool_calls", "finish_reason", "logprobs", "choices"),
    Task.EMBED: ("embedding",),
    Task.CLASSIFY: ("label", "scores"),
    Task.SCORE: ("scores",),
}

_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def answer_columns(spec: JobSpec) -> tuple[str, ...]:
    """Return the columns that the job's table has: those of its task; of OpenAI lines, which may mix tasks, all."""
    return tuple(ANSWER_TYPES) if spec.input_format is InputFormat.OPENAI_BATCH else _BY_TASK[spec.request.task]


def answer_array(answers: Sequence[Answer], name: str) -> pa.Array:
    """Return one column of the answers for Parquet."""
    values = [answer.get(name) for answer in answers]
    if name == "embedding":
        return _vectors(values)
    if name == "scores":
        return pa.array(values, _VECTOR)
    texts = [_as_text(value) for value in values]
    try:
        return pa.array(texts, _TEXT)
    except UnicodeEncodeError:
        return pa.array([None if text is None else _utf8(text) for text in texts], _TEXT)


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return _to_json(value)
    except (ValueError, RecursionError):
        return None


def _utf8(text: str) -> str:
    """Return the text with a question mark for each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _vectors(values: Sequence[object]) -> pa.Array:
    """Return lists of 32-bit floats, built from their bytes: numbers need no Python object each."""
    parts = [_floats(value) for value in values]
    offsets = array("i", [0])
    for part in parts:
        offsets.append(offsets[-1] + len(part or b"") // 4)
    floats = b"".join(part for part in parts if part is not None)
    missing = pa.array([part is None for part in parts], pa.bool_())
    numbers = pa.FloatArray.from_buffers(pa.float32(), len(floats) // 4, [None, pa.py_buffer(floats)])
    ends = pa.Int32Array.from_buffers(pa.int32(), len(offsets), [None, pa.py_buffer(offsets.tobytes())])
    return pa.ListArray.from_arrays(ends, numbers, mask=missing)


def _floats(value: object) -> bytes | None:
    """Return the vector as little-endian 32-bit floats; None if it is something else, such as a vector a token."""
    try:
        if isinstance(value, str):
            found = base64.b64decode(value, validate=True)
            return found if len(found) % 4 == 0 else None
        return array("f", value).tobytes() if isinstance(value, list) else None
    except (ValueError, TypeError, OverflowError):
        return None
