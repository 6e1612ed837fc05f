"""Whether a job's output schema is a JSON schema at all; whether an engine can decode to it, the Ray job finds out."""

from __future__ import annotations

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from pydantic import JsonValue

from llmbatch.core.errors import RequestError
from llmbatch.core.json_schema import schema_excess

FIELD = "output_schema"
_NO_FORMATS = FormatChecker(formats=())
"""The format ``regex`` is not checked: that would be Python's dialect, and not the one of the engine."""


def require_schema(schema: dict[str, JsonValue]) -> None:
    """Refuse what is too large, or not a schema by the rules of the draft that its ``$schema`` names (2020-12 if none).

    Raises:
        RequestError: naming the place in the schema, what is wrong there, and the fix.
    """
    excess = schema_excess(schema)
    if excess is not None:
        raise RequestError(FIELD, f"is too large: {excess}", "Use a smaller schema.")
    draft = validator_for(schema, default=Draft202012Validator)
    try:
        draft.check_schema(schema, format_checker=_NO_FORMATS)
    except SchemaError as error:
        place = f" at {error.json_path}" if error.path else ""
        problem = f"is not a JSON schema{place}: {error.message:.200}"
        raise RequestError(FIELD, problem, "Correct the schema and start the job again.") from None
