"""What vLLM refuses is an error of the row, in vLLM's words and without the prompt."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from llmbatch.cluster.engines.vllm.errors import row_error
from llmbatch.cluster.engines.vllm.limits import limited_requests
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.states import ErrorClass


def caused(cause: BaseException) -> Exception:
    from vllm.v1.engine.exceptions import EngineGenerateError

    error = EngineGenerateError()
    error.__cause__ = cause
    return error


def refused(message: str, parameter: str | None = None, value: Any = None) -> Exception:
    from vllm.exceptions import VLLMValidationError

    return VLLMValidationError(message, parameter=parameter, value=value)


def server_fault() -> Exception:
    from vllm.exceptions import GenerationError

    return GenerationError("Internal server error")


class TemplateError(Exception):
    """Like Jinja's error, which ``row_error`` recognises by its name, without an import of Jinja."""


def cases() -> dict[str, tuple[Exception, ErrorClass, str]]:
    return {
        "a field": (refused("must be positive", "n", "secret"), ErrorClass.INVALID, "n: must be positive"),
        "its name is there": (refused("n must be positive", "n"), ErrorClass.INVALID, "n must be positive"),
        "a constraint": (
            refused("bad", "response_format"), ErrorClass.SCHEMA, "response_format: bad",
        ),
        "too long": (
            refused("...", "input_tokens", 120), ErrorClass.TOO_LONG,
            "the prompt has 120 tokens; the model takes 99 tokens",
        ),
        "counted up to the limit": (
            refused("...", "input_tokens", 100), ErrorClass.TOO_LONG,
            "the prompt has at least 100 tokens; the model takes 99 tokens",
        ),
        "too many characters": (
            refused("...", "input_text", 5000), ErrorClass.TOO_LONG,
            "the prompt has 5000 characters; the model takes 99 tokens",
        ),
        "a template": (TemplateError("roles must alternate"), ErrorClass.INVALID, "roles must alternate"),
        "a value": (ValueError("two\n lines"), ErrorClass.INVALID, "two lines"),
        "nothing": (ValueError(), ErrorClass.INVALID, "vLLM gave no reason"),
        "long": (ValueError("x" * 9999), ErrorClass.INVALID, "x" * 400),
        "a fault": (server_fault(), ErrorClass.ENGINE, "Internal server error"),
        "inside the engine": (caused(refused("bad", "seed")), ErrorClass.INVALID, "seed: bad"),
        "of the engine": (caused(KeyboardInterrupt()), ErrorClass.ENGINE, "EngineGenerateError"),
    }  # fmt: skip


def test_an_error_has_a_class_and_one_line() -> None:
    for name, (error, kind, message) in cases().items():
        found = row_error(error, longest=99)
        assert found is not None, name
        assert (found.error_class, found.message) == (kind, message), name


def test_a_request_that_is_none_names_the_field_and_not_its_value() -> None:
    body = {"messages": [{"role": "user", "content": "x"}], "seed": "secret"}
    with pytest.raises(ValidationError) as caught:
        limited_requests()[Endpoint.CHAT].model_validate(body)
    found = row_error(caught.value, longest=99)
    assert found is not None
    assert found.error_class is ErrorClass.INVALID
    assert found.message.startswith("seed: Input should be a valid integer")
    assert "secret" not in found.message


def test_a_bug_is_no_refusal() -> None:
    assert row_error(KeyError("x"), longest=99) is None
    assert row_error(AssertionError(), longest=99) is None
    assert row_error(caused(RuntimeError("x")), longest=99) is None
