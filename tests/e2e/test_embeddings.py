"""A table that a real model of embeddings reads: its own columns come back, typed, beside the vectors."""

import io
import json
import math
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from e2e.running import Running
from llmbatch_stack.demo.job_run import DAG_ID
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

INPUT = f"s3://{BUCKET}/inputs/e2e/words.parquet"
WORDS = ["king", "queen", "car"] * 40


def test_words_come_back_with_their_vectors(running: Running) -> None:
    days = [date(2026, 1, 1 + number % 28) for number in range(len(WORDS))]
    table = pa.table({"text": WORDS, "day": days, "prompt_tokens": pa.array(range(len(WORDS)), pa.int16())})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    running.store.put(INPUT, sink.getvalue())
    conf: dict[str, object] = {"input_uri": INPUT, "model": "minilm", "task": "embed"}
    manifest = running.finish(running.api.trigger(DAG_ID, conf).run_id)
    assert (manifest.rows.succeeded, manifest.missing, manifest.duplicates) == (len(WORDS), 0, 0)
    assert manifest.tokens.completion == 0 < manifest.tokens.prompt
    results = next(output.uri for output in manifest.outputs if output.uri.endswith("/results.parquet"))
    found = pq.read_table(io.BytesIO(running.store.get(results)))
    assert found["line"].to_pylist() == list(range(1, len(WORDS) + 1))
    for name, own in (("text", "text"), ("day", "day"), ("input.prompt_tokens", "prompt_tokens")):
        assert found[name].combine_chunks().equals(table[own].combine_chunks()), json.dumps(found.schema.names)
    king, queen, car = found["embedding"].to_pylist()[:3]
    assert len(king) == 384
    assert closeness(king, queen) > 0.6 > 0.4 > closeness(king, car)


def closeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)
