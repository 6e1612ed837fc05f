"""OpenAI's batch format: ``{"custom_id", "method": "POST", "url", "body"}`` per line."""

from __future__ import annotations

from collections.abc import Iterator

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.readers.json_object import json_object
from llmbatch.orchestrator.inputs.readers.openai_url import endpoint_of
from llmbatch.orchestrator.inputs.readers.source import Source, decoded
from llmbatch.orchestrator.inputs.row_ids import checked_custom_id

_KNOWN = ", ".join(Endpoint)


def read_openai_batch(source: Source) -> Iterator[StagedRow]:
    """Yield one row per line that is not blank."""
    for line in source.lines():
        if not line.problem and not line.raw.strip():
            continue
        custom_id: str | None = None
        endpoint = Endpoint.CHAT
        try:
            record = json_object(decoded(line))
            custom_id = _custom_id(record.get("custom_id"))
            endpoint = _endpoint(record)
            yield source.row(line.number, custom_id, source.builder.of_body(endpoint, _checked_body(record)))
        except Exception as error:  # whatever one row holds is that row's failure
            yield source.failed(line.number, custom_id, error, line.raw, endpoint)


def _custom_id(value: object) -> str:
    if value is None or value == "":
        raise _invalid("`custom_id` is missing", "Give every line a custom_id of its own")
    if not isinstance(value, str):
        raise _invalid("`custom_id` is not a text", "Write it in quotes")
    return checked_custom_id(value)


def _endpoint(record: dict[str, object]) -> Endpoint:
    url = record.get("url")
    if record.get("method", "POST") != "POST":
        raise _invalid("`method` is not POST", "Write POST")
    if url is None:
        raise _invalid("`url` is missing", f"Write one of {_KNOWN}")
    endpoint = endpoint_of(url) if isinstance(url, str) else None
    if endpoint is None:
        raise _invalid(f"`url` {str(url)[:80]!r} is not supported", f"Use one of {_KNOWN}")
    return endpoint


def _checked_body(record: dict[str, object]) -> dict[str, object]:
    body = record.get("body")
    if body is None:
        raise _invalid("`body` is missing", "Put the request into it")
    if not isinstance(body, dict):
        raise _invalid("`body` is not an object", "Put the request into it as an object")
    return body


def _invalid(problem: str, fix: str) -> RowError:
    return RowError(ErrorClass.INVALID, f"{problem}. {fix}")
