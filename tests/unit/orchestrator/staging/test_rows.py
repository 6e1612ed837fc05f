"""Rows of all input objects, and ids that repeat."""

from __future__ import annotations

from fakes.input_rows import chat_line, input_job, rows_of
from llmbatch.core.request_options import InputFormat
from llmbatch.core.rows import StagedRow
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.staging.rows import UniqueIds, staged_rows


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
    spec = spec.model_copy(update={"max_tokens": 500})
    rows = list(staged_rows(spec, read_inputs(spec, store), store, RequestBuilder.of(spec)))
    assert [row.error_class for row in rows] == [None, "invalid", None]
    assert rows[1].error == (
        "line 2 of a: `max_tokens` is 501, above limits.max_tokens 500. Lower it, or raise that limit"
    )
    assert [row.answer_limit for row in rows] == [500, 0, 256]


REPEATED = b'{"id": "doc1", "text": "a"}\n{"id": "doc1", "text": "b"}\n{"id": "doc2", "text": "c"}\n'


def checked(body: bytes, fmt: InputFormat = InputFormat.JSONL, **request: object) -> tuple[list[StagedRow], bool]:
    store = MemoryStore()
    spec = input_job(store, {"a.txt": body}, fmt, **request)
    ids, objects = UniqueIds(spec), read_inputs(spec, store)
    return list(ids.checked(staged_rows(spec, objects, store, RequestBuilder.of(spec)), objects)), ids.repeats


def test_a_column_id_that_repeats_costs_no_row() -> None:
    rows, repeats = checked(REPEATED)
    assert [row.error for row in rows] == [None, None, None]
    assert repeats
    assert checked(REPEATED.replace(b"doc1", b"doc3", 1))[1] is False


def test_a_named_column_of_ids_names_each_row_once() -> None:
    rows, repeats = checked(REPEATED, id_column="id")
    assert [row.error is None for row in rows] == [True, False, True]
    assert rows[1].error is not None
    assert "custom_id 'doc1' was used before" in rows[1].error
    assert "name another id_column" in rows[1].error
    assert not repeats


def test_ids_can_be_switched_off() -> None:
    rows, repeats = checked(REPEATED, id_column="none")
    assert [(row.custom_id, row.error) for row in rows] == [(None, None)] * 3
    assert not repeats


def test_a_failed_row_keeps_its_id() -> None:
    rows, _ = checked(b'{"id": "a", "text": ""}\n{"id": "b", "messages": [{"role": "user", "content": NaN}]}\n')
    assert [(row.custom_id, row.error is None) for row in rows] == [("a", False), ("b", False)]
