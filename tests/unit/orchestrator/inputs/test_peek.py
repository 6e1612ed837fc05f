"""What the first rows say about an object."""

from __future__ import annotations

import pytest

from fakes.input_rows import builder_of
from llmbatch.core.errors import RequestError
from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.peek import Columns, JsonHead, json_head
from llmbatch.orchestrator.inputs.readers import look
from llmbatch.orchestrator.inputs.readers.source import Source


def head_of(body: bytes) -> JsonHead:
    store = MemoryStore()
    info = store.put("s3://b/a.jsonl", body)
    obj = InputObject(uri=info.uri, etag=info.etag, size=info.size)
    return json_head(Source(store, obj, 0, builder_of(obj.uri, 400_000), look.Look()))


def test_objects_and_the_first_problem() -> None:
    head = head_of(b'\n{"a": 1}\nbroken\n{"b": 2}\nworse\n')
    assert head.objects == [{"a": 1}, {"b": 2}]
    assert head.problem is not None
    assert head.problem.startswith("line 3: not JSON")
    assert head_of(b"") == JsonHead([], None, False)


def test_at_most_a_hundred_lines_or_a_mebibyte_is_read() -> None:
    assert len(head_of(b'{"a": 1}\n' * 200).objects) == 100
    assert len(head_of((b'{"a": "%s"}\n' % (b"x" * 400_000)) * 5).objects) == 3


def test_a_document_is_recognised() -> None:
    assert head_of(b'[{"a": 1},\n{"a": 2}]').is_document
    assert head_of(b' {\n"a": 2}').is_document
    assert not head_of(b'[1]\n{"a": 2}').is_document


def test_the_prompt_column_of_most_rows_counts() -> None:
    rows: list[dict[str, object]] = [{"text": "", "id": 1}, {"prompt": ""}, {"prompt": ""}, {"x": 1}]
    assert Columns.of_rows(rows) == Columns(("text", "id", "prompt", "x"), "prompt")
    assert Columns.of_rows(rows[:2]).prompt == "prompt"
    assert Columns.of_rows([]) == Columns((), None)


def test_a_single_column_counts_only_if_its_name_is_one() -> None:
    assert Columns.of_table(["words"], is_certain=True).prompt == "words"
    assert Columns.of_table(["words"], is_certain=False).prompt is None
    assert Columns.of_table(["words", "text"], is_certain=False).prompt == "text"


def test_the_end_of_the_look_is_an_error_only_before_the_first_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "LOOK_LINES", 20)
    assert head_of(b'{"a": 1}\n' + b"\n" * 50).objects == [{"a": 1}]
    with pytest.raises(RequestError, match=r"the look at s3://b/a.jsonl ended after 20 lines"):
        head_of(b"\n" * 50 + b'{"a": 1}\n')
