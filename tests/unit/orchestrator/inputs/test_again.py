"""Requests of rows that a retry runs again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes.input_rows import input_job
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.request_options import InputFormat
from llmbatch.core.serving import Serving
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.again import RequestAgain

USER = [{"role": "user", "content": "hi"}]
STAGED = {"messages": USER, "max_completion_tokens": 10, "n": 2, "seed": 1}
SERVING = Serving(name="m", adapters={"legal": "s3://b/legal"})


def again(**job: Any) -> RequestAgain:
    spec = input_job(MemoryStore(), {"a": b""}, InputFormat.JSONL, serving=SERVING, **job)
    return RequestAgain(spec, None)


def body_of(of: RequestAgain, endpoint: Endpoint, staged: dict[str, Any], limit: int) -> tuple[dict[str, Any], int]:
    built = of.of(endpoint, staged, limit)
    assert built is not None
    return json.loads(built.text), built.answer_limit


def test_nothing_that_is_set_changes_nothing() -> None:
    assert again().of(Endpoint.CHAT, STAGED, 20) is None
    assert again(output_schema={"type": "object"}).of(Endpoint.CHAT, {**STAGED, "model": "legal"}, 20) is None


def test_what_the_retry_sets_precedes_what_the_row_had() -> None:
    retry = again(sampling={"max_tokens": 5, "temperature": 0.5}, request={"seed": 7})
    assert body_of(retry, Endpoint.CHAT, STAGED, 20) == (
        {"messages": USER, "max_completion_tokens": 5, "n": 2, "seed": 7, "temperature": 0.5},
        10,
    )
    several = {"prompt": ["a", "b", "c"], "max_tokens": 10}
    assert body_of(again(request={"n": 2}), Endpoint.COMPLETIONS, several, 30) == ({**several, "n": 2}, 60)
    assert again(sampling={"max_tokens": 5}).of(Endpoint.EMBEDDINGS, {"input": "a"}, 0) is None
    assert body_of(again(request={"dimensions": 4}), Endpoint.EMBEDDINGS, {"input": "a"}, 0)[1] == 0


def test_a_row_keeps_an_adapter_that_the_model_has() -> None:
    assert body_of(again(model="legal"), Endpoint.CHAT, STAGED, 20)[0]["model"] == "legal"
    assert again().of(Endpoint.CHAT, {**STAGED, "model": "legal"}, 20) is None
    assert body_of(again(), Endpoint.CHAT, {**STAGED, "model": "gone"}, 20) == (STAGED, 20)


def test_a_contradiction_is_named() -> None:
    with pytest.raises(RowError, match="`min_tokens` is 9, more than max_completion_tokens 5"):
        again(sampling={"max_tokens": 5}).of(Endpoint.CHAT, {**STAGED, "min_tokens": 9}, 20)
