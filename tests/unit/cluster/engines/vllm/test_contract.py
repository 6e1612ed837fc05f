"""The child compiles what vLLM's backend compiles: both make the same grammar of the same constraint."""

from __future__ import annotations

import json

import pytest

from llmbatch.cluster.schemas.compiler import grammar_of

TAG = {"begin": "<f>", "schema": {"type": "object", "properties": {"a": {}}}, "end": "</f>"}


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("json", '{"type": "object", "properties": {"a": {"type": "string"}}}'),
        ("json_object", ""),
        ("regex", "[ab]{3}"),
        ("choice", '["a", "b"]'),
        ("grammar", 'root ::= "a" | "b"'),
        ("grammar", 'start: "a" | "b"'),
        ("structural_tag", json.dumps({"structures": [TAG], "triggers": ["<f"]})),
    ],
)
def test_the_grammars_are_the_same(kind: str, spec: str) -> None:
    from vllm.v1.structured_output.backend_guidance import serialize_guidance_grammar
    from vllm.v1.structured_output.backend_types import StructuredOutputOptions

    assert grammar_of(kind, spec) == serialize_guidance_grammar(StructuredOutputOptions[kind.upper()], spec)


def test_there_are_no_other_kinds() -> None:
    from typing import get_args

    from vllm.v1.structured_output.backend_types import StructuredOutputOptions

    from llmbatch.cluster.schemas.constraint import ConstraintKind

    assert {each.name.lower() for each in StructuredOutputOptions} == set(get_args(ConstraintKind))
