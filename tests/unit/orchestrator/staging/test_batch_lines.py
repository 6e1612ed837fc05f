"""One line of a batch: each problem has its code and its parameter, and a good line has none."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from llmbatch.core.endpoints import Endpoint
from llmbatch.orchestrator.inputs.readers.lines import Line
from llmbatch.orchestrator.staging.batch_lines import BatchLines
from llmbatch.orchestrator.staging.custom_ids import CustomIds

MESSAGES = [{"role": "user", "content": "hi"}]
BODY = {"model": "small", "messages": MESSAGES}
GOOD = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": BODY}


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in GOOD.items() if name != key}


def body(**changes: object) -> dict[str, object]:
    return {**GOOD, "body": {key: value for key, value in {**BODY, **changes}.items() if value is not None}}


@pytest.fixture
def lines() -> Iterator[BatchLines]:
    with CustomIds() as ids:
        yield BatchLines(Endpoint.CHAT, {"small", "legal"}, ids)


@pytest.mark.parametrize(
    ("line", "code", "param"),
    [
        (b"not json", "invalid_json_line", None),
        (b"[1]", "invalid_json_line", None),
        (b"\xff\xfe", "invalid_json_line", None),
        (b'{"a":' * 100_000, "invalid_json_line", None),
        (without("custom_id"), "missing_required_parameter", "custom_id"),
        (without("method"), "missing_required_parameter", "method"),
        (without("url"), "missing_required_parameter", "url"),
        (without("body"), "missing_required_parameter", "body"),
        ({**GOOD, "custom_id": ""}, "missing_required_parameter", "custom_id"),
        ({**GOOD, "custom_id": 7}, "invalid_request", "custom_id"),
        ({**GOOD, "custom_id": "x" * 513}, "invalid_request", "custom_id"),
        ({**GOOD, "custom_id": "\ud800"}, "invalid_request", "custom_id"),
        ({**GOOD, "method": "GET"}, "invalid_method", "method"),
        ({**GOOD, "url": "/v1/embeddings"}, "invalid_url", "url"),
        ({**GOOD, "url": ["x"]}, "invalid_url", "url"),
        ({**GOOD, "body": "text"}, "invalid_request", "body"),
        (body(stream=True), "streaming_unsupported", "body.stream"),
        (body(model=None), "invalid_request", "body.model"),
        (body(model=["small"]), "invalid_request", "body.model"),
        (body(model="gpt-4o"), "model_not_found", "body.model"),
        (body(messages=None), "invalid_request", "body.messages"),
    ],
)
def test_each_problem_has_its_code(lines: BatchLines, line: bytes | dict[str, object], code: str, param: str) -> None:
    raw = line if isinstance(line, bytes) else json.dumps(line).encode()
    found = lines.problem(Line(7, raw))
    assert found is not None
    assert (found.code, found.param, found.line) == (code, param, 7)


@pytest.mark.parametrize(
    "line",
    [
        GOOD,
        {**GOOD, "url": "https://api.openai.com/v1/chat/completions"},
        {**GOOD, "unknown": 1},
        body(model="legal"),
        body(stream=False),
        body(temperature="hot"),  # a row's own failure
    ],
)
def test_a_request_has_no_problem(lines: BatchLines, line: dict[str, object]) -> None:
    assert lines.problem(Line(1, json.dumps(line).encode())) is None


def test_ids_and_models_are_compared_with_the_lines_before(lines: BatchLines) -> None:
    given = [GOOD, GOOD, {**body(model="legal"), "custom_id": "b"}, {**body(model="x"), "custom_id": "c"}]
    found = [lines.problem(Line(number, json.dumps(line).encode())) for number, line in enumerate(given, 1)]
    assert [error and error.code for error in found] == [
        None,
        "duplicate_custom_id",
        "mismatched_model",
        "model_not_found",
    ]
    assert found[1] is not None
    assert "line 1" in found[1].message


def test_a_message_has_no_prompt_and_is_one_short_line(lines: BatchLines) -> None:
    line = {**body(model="m\nevent=forged" * 100, messages=[{"content": "secret"}]), "custom_id": "b"}
    found = lines.problem(Line(1, json.dumps(line).encode()))
    assert found is not None
    assert found.message.isprintable()
    assert len(found.message) < 300
    assert "secret" not in found.message


@pytest.mark.parametrize(
    ("value", "inputs"), [("a", 1), (["a", "b", "c"], 3), ([1, 2, 3], 1), ([[1, 2], [3]], 2), ([{"role": "user"}], 1)]
)
def test_embedding_inputs_are_counted(value: object, inputs: int) -> None:
    with CustomIds() as ids:
        lines = BatchLines(Endpoint.EMBEDDINGS, {"small"}, ids)
        line = {**GOOD, "url": "/v1/embeddings", "body": {"model": "small", "input": value}}
        assert lines.problem(Line(1, json.dumps(line).encode())) is None
        assert lines.inputs == inputs
