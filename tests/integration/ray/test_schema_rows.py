"""The contract with vLLM: rows with a schema are decoded by the backend that ``cluster.schemas`` compiles for.

An upgrade that decodes to other schemas than the child accepts, or to the first row's only, fails here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmbatch.core.endpoints import Endpoint
from tiny_model import tiny_model

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

REPOSITORY = Path(__file__).parents[3]


def holding(**a: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": a}, "required": ["a"]}


def body(schema: dict[str, Any]) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    return {"prompt": "hi", "temperature": 0, "max_tokens": 60, "response_format": form}


def text(pattern: str) -> dict[str, Any]:
    return holding(type="string", pattern=pattern)


def test_each_row_has_the_outcome_of_its_own_schema() -> None:
    schemas = [
        holding(type="integer", minimum=0, maximum=99),  # vLLM's "auto" would decode all that follow with its backend
        text(r"^\p{L}{1,3}$"),
        text("(" * 50_000 + "a" + ")" * 50_000),  # crashes xgrammar, and with it the process
        text("^((a|b)*(c|d)*){1,5000}$"),  # hangs xgrammar
        text("^(?=a)b$"),
        holding(type="array", items={"type": "string"}, minItems=1_000_000_000),
        {},
        holding(type="integer", minimum=0, maximum=99),
    ]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "include")}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("row_probe.py")), str(tiny_model())],
        input="".join(json.dumps([Endpoint.COMPLETIONS, body(schema)]) + "\n" for schema in schemas),
        env=environment, capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = [
        found if isinstance(found, str) else found[0]["choices"][0]["text"]
        for found in json.loads(done.stdout.splitlines()[-1])
    ]
    number, letters, parentheses, repeats, lookahead, huge, anything, last = outcomes
    assert list(json.loads(number)) == ["a"], "an object has properties that its schema does not name"
    assert re.fullmatch(r"[^\W\d_]{1,3}", json.loads(letters)["a"])
    assert parentheses.startswith("schema: the engine cannot decode to the JSON schema: pattern: exceed the maximum")
    assert "not complete JSON after" in repeats or re.fullmatch("[abcd]*", json.loads(repeats)["a"])
    assert lookahead.endswith("pattern: look-around, including look-ahead and look-behind, is not supported")
    assert huge.endswith("or crashes the compiler")
    assert not anything.startswith("engine: ")
    assert last == number
