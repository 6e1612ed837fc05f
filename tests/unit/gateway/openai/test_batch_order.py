"""What a client may send, and OpenAI's words for what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.core.endpoints import Endpoint
from llmbatch.gateway.openai.batch_order import BatchOrder, NewBatch
from llmbatch.gateway.wire.failures import Failure

BODY = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}


def order(**changes: Any) -> BatchOrder:
    return BatchOrder.of(NewBatch.model_validate({**BODY, **changes}))


@pytest.mark.parametrize("metadata", [None, {}, {"k" * 64: "v" * 512}, {str(number): "" for number in range(16)}])
def test_metadata_is_kept_as_it_is(metadata: dict[str, str] | None) -> None:
    assert order(metadata=metadata).metadata == metadata


@pytest.mark.parametrize("endpoint", list(Endpoint))
def test_every_endpoint_of_the_engine_is_accepted(endpoint: Endpoint) -> None:
    assert order(endpoint=endpoint.value).endpoint is endpoint


def test_unknown_fields_are_ignored() -> None:
    assert order(team=3) == order()


def test_metadata_is_equal_in_any_order() -> None:
    assert order(metadata={"a": "1", "b": "2"}) == order(metadata={"b": "2", "a": "1"})


@pytest.mark.parametrize(
    ("changes", "param", "code", "message"),
    [
        ({"endpoint": "/v1/chat"}, "endpoint", "invalid_value", "Invalid endpoint: /v1/chat. Supported values: '/v1/"),
        ({"completion_window": "48h"}, "completion_window", "invalid_value", "Invalid value: '48h'."),
        ({"completion_window": ""}, "completion_window", "invalid_value", "Invalid value: ''."),
        (
            {"metadata": {"tags": ["a"]}},
            "metadata.tags",
            "invalid_type",
            "Invalid type for 'metadata.tags': expected a string, but got an array instead.",
        ),
        ({"metadata": {"n": 1}}, "metadata.n", "invalid_type", "Invalid type for 'metadata.n': expected a string, but"),
        ({"metadata": {"n": None}}, "metadata.n", "invalid_type", "Invalid type for 'metadata.n': expected a string, "),
        ({"metadata": {"n": True}}, "metadata.n", "invalid_type", "Invalid type for 'metadata.n': expected a string, "),
        (
            {"metadata": {str(number): "" for number in range(17)}},
            "metadata",
            "object_above_max_properties",
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object "
            "with 17 properties instead.",
        ),
        ({"metadata": {"k" * 65: "v"}}, f"metadata.{'k' * 64}... (65 characters)", "string_above_max_length", "Invali"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k", "string_above_max_length", "Invalid 'metadata.k': string too l"),
        ({"metadata": {"k": "\ud800"}}, "metadata.k", "invalid_value", "Invalid 'metadata.k': half a surrogate pair."),
        ({"metadata": {"\ud800": ""}}, r"metadata.\ud800", "invalid_value", "Invalid"),
    ],
)
def test_what_is_refused_names_its_parameter(changes: dict[str, Any], param: str, code: str, message: str) -> None:
    with pytest.raises(Failure) as caught:
        order(**changes)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)
    assert caught.value.message.startswith(message)


def test_the_documented_example_is_a_batch() -> None:
    (example,) = NewBatch.model_json_schema()["examples"]
    assert BatchOrder.of(NewBatch.model_validate(example, extra="forbid")).metadata == {"team": "search"}
