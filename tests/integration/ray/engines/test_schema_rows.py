"""The contract with vLLM: rows with a schema are decoded by the backend that ``cluster.schemas`` compiles for.

An upgrade that decodes to other schemas than the child accepts, or to the first row's only, fails here. One job has odd
schemas, some of them hostile, and many large ones, all at once: no heartbeat may wait for them.
"""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise
from typing import Any

import pytest

from fakes.cluster_jobs import Job, row
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.progress import Progress
from llmbatch.core.staleness import STALLED_SECONDS
from llmbatch.core.states import Phase
from tiny_model import tiny_model

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

AT_ONCE, LARGE_CHARS = 256, 4096
LARGE_ROWS = AT_ONCE * 3 // 2
"""More than must be in the engine at once, because the first ones may end before the last ones begin."""


def holding(**a: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": a}, "required": ["a"]}


def body(schema: dict[str, Any]) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    return {"prompt": "hi", "temperature": 0, "max_tokens": 120, "response_format": form}


def text(pattern: str) -> dict[str, Any]:
    return holding(type="string", pattern=pattern)


def large(number: int) -> dict[str, Any]:
    """A schema of its own for each number. Each digit is a token, so that an answer takes some 60 steps."""
    found = holding(enum=[f"{number:03d}{choice:03d}" * 8 for choice in range(90)])
    assert len(json.dumps(found)) > LARGE_CHARS
    return found


ODD = [
    holding(type="integer", minimum=0, maximum=99),  # vLLM's "auto" would decode all that follow with its backend
    text(r"^\p{L}{1,3}$"),
    text("(" * 50_000 + "a" + ")" * 50_000),  # crashes xgrammar, and with it the process
    text("^((a|b)*(c|d)*){1,5000}$"),  # hangs xgrammar
    text("^(?=a)b$"),
    holding(type="array", items={"type": "string"}, minItems=1_000_000_000),
    {},
    holding(type="integer", minimum=0, maximum=99),
]


def test_each_row_has_the_outcome_of_its_own_schema_and_no_heartbeat_waits(job: Job) -> None:
    schemas = [*ODD, *map(large, range(LARGE_ROWS))]
    rows = [row(line, body(schema), Endpoint.COMPLETIONS) for line, schema in enumerate(schemas, 1)]
    settings = {"max_model_len": 256, "max_num_seqs": AT_ONCE, "shards_in_flight": 16, "cpu_kvcache_gib": 1}
    # A replica whose event loop stands still for so long is killed, and its rows have a second attempt.
    patience = {"hang_seconds": round(STALLED_SECONDS / 4)}
    job.stage(rows, shard_rows=64, model=str(tiny_model()), kind="vllm", **settings, **patience)
    process, beats = job.start(), dict[int, Progress]()
    while process.poll() is None:
        if beat := job.progress():
            beats[beat.sequence] = beat
        time.sleep(0.1)
    code, log = job.end(process)
    assert code == 0, log
    assert job.every_row_ended_once()

    at_work = [beat.written_at for beat in beats.values() if beat.phase is Phase.WORK]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(at_work)]
    assert max(beat.rows.running for beat in beats.values()) >= AT_ONCE
    assert max(pauses) < STALLED_SECONDS / 2
    results = job.results()
    assert {found["attempts"] for found in results} == {1}, "the replica's loop stood still"

    texts = [
        f"{found['error_class']}: {found['error']}"
        if found["response"] is None
        else json.loads(found["response"])["choices"][0]["text"]
        for found in results
    ]
    for number, answer in enumerate(texts[len(ODD) :]):
        assert json.loads(answer)["a"] in large(number)["properties"]["a"]["enum"]
    number, letters, parentheses, repeats, lookahead, huge, anything, last = texts[: len(ODD)]
    for answer in (number, last):
        assert list(json.loads(answer)) == ["a"], "an object has properties that its schema does not name"
    assert re.fullmatch(r"[^\W\d_]{1,3}", json.loads(letters)["a"])
    assert parentheses.startswith("schema: the engine cannot decode to the JSON schema: pattern: exceed the maximum")
    assert "not complete JSON after" in repeats or re.fullmatch("[abcd]*", json.loads(repeats)["a"])
    assert lookahead.endswith("pattern: look-around, including look-ahead and look-behind, is not supported")
    assert huge.endswith("or crashes the compiler")
    assert not anything.startswith("engine: ")
