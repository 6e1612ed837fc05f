"""An input object that cannot be read at all is an error of the request."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from fakes.input_rows import chat_line, rows_of, table_bytes, user
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.inputs.prompt import RequestBuilder


@pytest.mark.parametrize(
    ("body", "fmt", "reason"),
    [
        (b"id,problem\n1,a\n", InputFormat.CSV, "has no column `messages` or `conversations`"),
        (b"prompt,prompt\n1,a\n", InputFormat.CSV, "names the column `prompt` twice"),
        (b'"prompt\n', InputFormat.CSV, "no readable header"),
        (b"not parquet at all", InputFormat.PARQUET, "is not a Parquet file"),
        (b"", InputFormat.PARQUET, "is not a Parquet file"),
        (b"PAR1....", InputFormat.JSONL, "is a Parquet file"),
        ("{}".encode("utf-16"), InputFormat.JSONL, "is UTF-16"),
        (b"PK\x03\x04", InputFormat.CSV, "is a zip archive"),
        (b"\x1f\x8bgarbage", InputFormat.JSONL, "the gzip data is damaged"),
        (b"\x28\xb5\x2f\xfdgarbage", InputFormat.JSONL, "the zstd data"),
    ],
)
def test_unreadable_object_is_a_request_error(body: bytes, fmt: InputFormat, reason: str) -> None:
    with pytest.raises(RequestError, match=r"input_uri: s3://b/in/a.txt") as error:
        rows_of(body, fmt)
    assert reason in str(error.value)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


HOSTILE = [
    chat_line("x", url=[]),
    chat_line("x", url={"a": 1}),
    chat_line("x", method=[]),
    chat_line("x", body=[1]),
    chat_line({}),
    chat_line("x", user("hi", seed=10**400)),
    chat_line("x", user("hi", max_tokens=[[]])),
    chat_line("x", user("hi", **{"\ud800": 1})),
    chat_line("x", user("hi", response_format={"type": []})),
    chat_line("x", {"messages": [{"role": [], "content": "a"}]}),
    *(
        chat_line("x", user("hi"))[:-2] + b', "stop": ' + nested(depth) + b"}}"
        for depth in (300, 700, 984, 990, 100_000)
    ),
    *(b'{"prompt": "a", "sampling": {"stop": ' + nested(depth) + b"}}" for depth in (984, 990, 100_000)),
    b'{"prompt": ' + b"9" * 5000 + b', "custom_id": ' + b"9" * 5000 + b"}",
    b'{"prompt": "a", "sampling": "' + b"[" * 5000 + b'"}',
    b'{"messages": "' + b"[" * 5000 + b'"}',
    b'{"prompt": "a", "sampling": {"' + b"long" * 50_000 + b'": 1}}',
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: line[-60:].decode(errors="replace"))
@pytest.mark.parametrize("fmt", [InputFormat.OPENAI_BATCH, InputFormat.JSONL])
def test_whatever_one_row_holds_fails_that_row_only(line: bytes, fmt: InputFormat) -> None:
    good = chat_line("good") if fmt is InputFormat.OPENAI_BATCH else json.dumps({"prompt": "good"}).encode()
    rows = rows_of(b"\n".join((good, line, b"", good.replace(b'"good"', b'"fine"'))), fmt)
    assert [(row.line, row.error is None) for row in rows] == [(1, True), (2, False), (4, True)]
    assert rows[1].error.startswith("line 2 of a.txt: ")
    assert len(rows[1].error) < 2500
    rows[1].error.encode()


TABLES = {InputFormat.CSV: b"prompt\na\nb\n", InputFormat.PARQUET: table_bytes(pa.table({"prompt": ["a", "b"]}))}
LINES = {
    InputFormat.JSONL: b'{"prompt": "a"}\n{"prompt": "b"}\n',
    InputFormat.OPENAI_BATCH: chat_line("a") + b"\n" + chat_line("b"),
}


@pytest.mark.parametrize("fmt", [*TABLES, *LINES])
def test_an_error_that_no_check_foresaw_fails_the_row_without_its_values(
    fmt: InputFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("the secret prompt")

    monkeypatch.setattr(RequestBuilder, "_built", broken)
    rows = rows_of((TABLES | LINES)[fmt], fmt)
    assert len(rows) == 2
    for row in rows:
        assert "cannot be read (KeyError)" in row.error
        assert "secret" not in row.error


@pytest.mark.parametrize("fmt", [*TABLES, *LINES])
def test_a_lack_of_memory_is_no_fault_of_the_row(fmt: InputFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(RequestBuilder, "_built", full)
    with pytest.raises(MemoryError):
        rows_of((TABLES | LINES)[fmt], fmt)
