"""Rows of all input objects: each custom_id is used once."""

from __future__ import annotations

from fakes.input_rows import chat_line, input_job, rows_of
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.staging.rows import staged_rows


def test_duplicate_custom_ids_across_objects() -> None:
    objects = {"a": chat_line("x") + b"\n" + chat_line("y"), "b": b"\n" + chat_line("x") + b"\n" + chat_line("z")}
    rows = rows_of(objects, InputFormat.OPENAI_BATCH)
    assert [row.row_id for row in rows] == [
        "00000-000000001",
        "00000-000000002",
        "00001-000000002",
        "00001-000000003",
    ]
    assert [row.error is None for row in rows] == [True, True, False, True]
    assert rows[2].error.startswith("line 2 of b: custom_id 'x' was used before, in line 1 of a.")


def test_a_row_with_more_tokens_than_the_deployment_allows_fails_alone() -> None:
    store = MemoryStore()
    lines = b'{"prompt": "x", "sampling": {"max_tokens": 500}}\n{"prompt": "y", "sampling": {"max_tokens": 501}}\n'
    spec = input_job(store, {"a": lines + b'{"prompt": "z"}\n'}, InputFormat.JSONL)
    rows = list(staged_rows(spec.model_copy(update={"max_tokens": 500}), read_inputs(spec, store), store))
    assert [row.error_class for row in rows] == [None, "invalid", None]
    assert rows[1].error == (
        "line 2 of a: max_tokens 501 is above limits.max_tokens 500. Lower it, or raise the limit in config.yaml"
    )
    assert rows[1].max_tokens is None
