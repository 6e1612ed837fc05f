"""What the child says of a schema."""

from __future__ import annotations

import json
import subprocess
import sys

import llguidance
import pytest

from llmbatch.cluster.schemas import compiler
from llmbatch.cluster.schemas.compiler import constraint_error, short_reason


def text_with(pattern: str) -> str:
    return json.dumps({"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}})


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("{}", None),
        ('{"type": "object"}', None),
        (text_with(r"^\p{L}+$"), None),
        (text_with("^((a|b)*(c|d)*){1,5000}$"), None),
        (text_with("(" * 50_000 + "a" + ")" * 50_000), "pattern: exceed the maximum number of nested"),
        (text_with("^(?=a)b$"), "pattern: look-around, including look-ahead and look-behind, is not supported"),
        ('{"type": "strin"}', "Invalid type: strin"),
        ('{"not": {}}', "Unimplemented keys"),
        ('{"$ref": "#"}', "NoExtensionBias"),
        ("{", ""),
    ],
)
def test_reasons_are_short_and_without_the_pattern(schema: str, reason: str | None) -> None:
    found = constraint_error("json", schema, llguidance.LLTokenizer("byte"))
    assert (found is None) == (reason is None), found
    assert (found or "").startswith(reason or "")
    assert len(found or "") <= 300
    assert "\n" not in (found or "")


TAG = {"begin": "<f>", "schema": {"type": "object"}, "end": "</f>"}


@pytest.mark.parametrize(
    ("kind", "spec", "reason"),
    [
        ("json_object", "", None),
        ("regex", "[ab]{3}", None),
        ("regex", "", None),
        ("regex", "(?=a)b", "pattern: look-around"),
        ("regex", "(" * 50_000 + "a" + ")" * 50_000, "pattern: exceed the maximum number of nested"),
        ("choice", '["a", "b"]', None),
        ("grammar", 'root ::= "a" | "b"', None),
        ("grammar", 'start: "a" | "b"', None),
        ("grammar", "start: [", ""),
        ("structural_tag", json.dumps({"structures": [TAG], "triggers": ["<f"]}), None),
        ("structural_tag", json.dumps({"structures": [TAG], "triggers": ["<g"]}), "no trigger begins '<f>'"),
        ("structural_tag", json.dumps({"structures": [], "triggers": []}), "it has no structures"),
        ("structural_tag", json.dumps({"structures": [{"begin": "<f>"}], "triggers": ["<f"]}), "it has no 'schema'"),
        ("structural_tag", json.dumps({"format": {}}), "it has no 'triggers'"),
        ("structural_tag", "[]", ""),
    ],
)
def test_constraints_of_every_kind(kind: str, spec: str, reason: str | None) -> None:
    found = constraint_error(kind, spec, llguidance.LLTokenizer("byte"))
    assert (found is None) == (reason is None), found
    assert (found or "").startswith(reason or "")
    assert len(found or "") <= 300


def test_an_error_without_words_has_a_reason_too() -> None:
    assert short_reason("") == "no reason was given"


def test_it_answers_a_line_with_a_line() -> None:
    lines = [json.dumps(["json", json.dumps({"type": kind})]) for kind in ("object", "strin", "string")]
    done = subprocess.run(
        [sys.executable, compiler.__file__, "5", str(2**30)],
        input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers == [None, None, answers[2], None]
    assert "strin" in answers[2]
