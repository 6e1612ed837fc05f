"""What vLLM refuses, as the error of a row."""

from __future__ import annotations

from pydantic import ValidationError

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

_LONGEST = 400
_TOO_LONG = {"input_tokens": "tokens", "input_text": "characters"}
"""vLLM's names of the parameter that a prompt exceeds, and the unit of its value."""

_CONSTRAINTS = ("response_format", "structured_outputs", "text.format")


def row_error(error: Exception, longest: int) -> RowError | None:
    """Return the error of the row whose request vLLM refused or gave up; None if it is neither, but a fault.

    Args:
        error: what vLLM raised.
        longest: tokens that a prompt may have.
    """
    from vllm.exceptions import GracefulHTTPError, VLLMClientError, VLLMServerError
    from vllm.v1.engine.exceptions import EngineGenerateError

    if isinstance(error, EngineGenerateError):
        cause = error.__cause__
        return row_error(cause, longest) if isinstance(cause, Exception) else _of(ErrorClass.ENGINE, error)
    if isinstance(error, ValidationError):
        return invalid_field(error)
    parameter = getattr(error, "parameter", None)
    if parameter in _TOO_LONG:
        return too_long(getattr(error, "value", None), _TOO_LONG[parameter], longest)
    if isinstance(error, GracefulHTTPError | VLLMServerError):
        return _of(ErrorClass.ENGINE, error)
    if isinstance(error, VLLMClientError | ValueError | TypeError | OverflowError | NotImplementedError) or any(
        each.__name__ == "TemplateError" for each in type(error).__mro__
    ):
        kind = ErrorClass.SCHEMA if parameter in _CONSTRAINTS else ErrorClass.INVALID
        return refusal(kind, str(error.args[0]) if error.args else str(error), parameter)
    return None


def too_long(found: object, unit: str, longest: int) -> RowError:
    """Return the error of a prompt that leaves no room for an answer. vLLM stops to count one above the limit."""
    least = "at least " if unit == "tokens" and found == longest + 1 else ""
    return RowError(ErrorClass.TOO_LONG, f"the prompt has {least}{found} {unit}; the model takes {longest} tokens")


def refusal(kind: ErrorClass, message: str, parameter: str | None) -> RowError:
    """Return vLLM's words in one line, with the field that they are about."""
    line = " ".join(message.split())[:_LONGEST] or "vLLM gave no reason"
    return RowError(kind, line if parameter is None or parameter in line else f"{parameter}: {line}")


def invalid_field(error: ValidationError) -> RowError:
    """Return the error of a request that is not one of its endpoint. Its value may be the prompt: it is left out."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the request"
    return refusal(ErrorClass.INVALID, f"{field}: {first['msg']}", None)


def _of(kind: ErrorClass, error: BaseException) -> RowError:
    return refusal(kind, str(error) or type(error).__name__, None)
