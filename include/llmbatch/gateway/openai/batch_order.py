"""The body of ``POST /v1/batches``: checked with OpenAI's own messages, parameters and codes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.priority import DEFAULT_PRIORITY, Priority
from llmbatch.core.shown import shown
from llmbatch.core.sla_hours import SHORTEST_SLA_HOURS
from llmbatch.gateway.openai.batch import COMPLETION_WINDOW, WINDOW_HOURS
from llmbatch.gateway.wire.failures import Failure

MOST_PAIRS = 16
MOST_KEY_CHARS = 64
MOST_VALUE_CHARS = 512

_SHORT = 200
_KINDS = {bool: "a boolean", int: "an integer", float: "a number", list: "an array", dict: "an object"}


class OutputExpiry(BaseModel):
    """When the output files of a batch expire: seconds after each was created."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=3600, le=2_592_000)]


class NewBatch(BaseModel):
    """What a client sends. Unknown fields are ignored, as OpenAI does."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "input_file_id": "file-0123456789abcdef01234567",
                    "endpoint": "/v1/chat/completions",
                    "completion_window": "24h",
                    "metadata": {"team": "search"},
                }
            ]
        },
    )

    input_file_id: Annotated[str, Field(max_length=_SHORT)]
    endpoint: Annotated[str, Field(max_length=_SHORT)]
    completion_window: Annotated[str, Field(max_length=_SHORT)]
    metadata: Annotated[dict[str, JsonValue], Field(max_length=1000)] | None = None
    output_expires_after: OutputExpiry | None = None
    idempotency_key: Annotated[str, Field(max_length=_SHORT)] | None = None
    """As the header ``Idempotency-Key``."""
    sla_hours: Annotated[float, Field(ge=SHORTEST_SLA_HOURS, le=WINDOW_HOURS, strict=True)] = WINDOW_HOURS
    """Not of OpenAI: a deadline within the completion window."""
    priority: Annotated[Priority, Field(strict=True)] = DEFAULT_PRIORITY
    """Not of OpenAI: the place of the job among those that wait."""


class BatchOrder(BaseModel):
    """A checked body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_file_id: str
    endpoint: Endpoint
    metadata: dict[str, str] | None = None
    output_expires_after: OutputExpiry | None = None
    sla_hours: float = WINDOW_HOURS
    priority: Priority = DEFAULT_PRIORITY

    @classmethod
    def of(cls, body: NewBatch) -> BatchOrder:
        """Check what a client sent.

        Raises:
            Failure: 400 with the parameter that is wrong.
        """
        if body.endpoint not in set(Endpoint):
            known = ", ".join(f"'{endpoint.value}'" for endpoint in Endpoint)
            raise Failure(
                400,
                f"Invalid endpoint: {shown(body.endpoint)}. Supported values: {known}.",
                param="endpoint",
                code="invalid_value",
            )
        if body.completion_window != COMPLETION_WINDOW:
            raise Failure(
                400,
                f"Invalid value: '{shown(body.completion_window)}'. The only supported value of completion_window is "
                f"'{COMPLETION_WINDOW}'.",
                param="completion_window",
                code="invalid_value",
            )
        return cls(
            input_file_id=body.input_file_id,
            endpoint=Endpoint(body.endpoint),
            metadata=None if body.metadata is None else _metadata(body.metadata),
            output_expires_after=body.output_expires_after,
            sla_hours=body.sla_hours,
            priority=body.priority,
        )


def _metadata(given: dict[str, JsonValue]) -> dict[str, str]:
    if len(given) > MOST_PAIRS:
        raise Failure(
            400,
            f"Invalid 'metadata': too many properties. Expected an object with at most {MOST_PAIRS} properties, but "
            f"got an object with {len(given)} properties instead.",
            param="metadata",
            code="object_above_max_properties",
        )
    checked: dict[str, str] = {}
    for key, value in given.items():
        name = f"metadata.{shown(key, MOST_KEY_CHARS)}"
        if not isinstance(value, str):
            kind = "null" if value is None else _KINDS[type(value)]
            raise Failure(
                400,
                f"Invalid type for '{name}': expected a string, but got {kind} instead.",
                param=name,
                code="invalid_type",
            )
        for what, text, most in (("key", key, MOST_KEY_CHARS), ("string", value, MOST_VALUE_CHARS)):
            if len(text) > most:
                raise Failure(
                    400,
                    f"Invalid '{name}': {what} too long. Expected a {what} with maximum length {most}, but got a "
                    f"{what} with length {len(text)} instead.",
                    param=name,
                    code="string_above_max_length",
                )
            if not _is_utf8(text):
                raise Failure(400, f"Invalid '{name}': half a surrogate pair.", param=name, code="invalid_value")
        checked[key] = value
    return checked


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
