"""Inputs as they come: read as their author meant them, or refused with what was seen. From accept to staged rows."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from fakes.input_rows import table_bytes
from fakes.retries import CREATED, accepted, staged_rows_of
from llmbatch.core.clock import ManualClock
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RequestError
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.staging.stage import stage

CHAT = '"url": "/v1/chat/completions", "body": {"messages": [{"role": "user", "content": "hi"}]}'


def staged(name: str, body: bytes, **conf: Any) -> list[dict[str, Any]]:
    store = MemoryStore()
    store.put(f"s3://b/in/{name}", body)
    spec = accepted(store, "run", **{"input_uri": f"s3://b/in/{name}", "max_error_rate": 1, **conf})
    stage(spec, store, ManualClock(CREATED))
    return staged_rows_of(spec, store)


def messages_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    assert row["error"] is None, row["error"]
    found: list[dict[str, Any]] = json.loads(row["request"])["messages"]
    return found


def prompts(rows: list[dict[str, Any]]) -> list[str | None]:
    return [None if row["error"] else messages_of(row)[-1]["content"] for row in rows]


CSV = [
    ("a.csv", b"id;prompt\n1;What is it, really?\n2;b\n", {}, ["What is it, really?", "b"]),
    ("a.csv", b"id|prompt\n1|a, b; c\n", {}, ["a, b; c"]),
    ("a.csv", b"id\tprompt\n1\ta, b\n", {}, ["a, b"]),
    ("a.tsv", b"id;x\tprompt\n1;2\ta\n", {}, ["a"]),
    ("a.csv", b"id,prompt\n1,a; b\n2,c\n", {}, ["a; b", "c"]),
    ("a.csv", b'id;"prompt"\n1;"a, b"\n2;"c, d"\n', {}, ["a, b", "c, d"]),
    ("a.csv", b"id;prompt;note, if any\n1;a;\n2;b;c\n", {}, ["a", "b"]),
    ("a.csv", b'id;prompt\n1;"two\nlines"\n', {}, ["two\nlines"]),
    ("a.csv", b"sep=;\r\nid;prompt\r\n1;a\r\n", {}, ["a"]),
    ("a.csv", b'"sep=|"\nid|prompt\n1|a\n', {}, ["a"]),
    ("a.csv", b"\xef\xbb\xbfsep=\t\nid\tprompt\n1\ta\n", {}, ["a"]),
    ("a.csv", b"id,a;b,prompt\n1,2;3,c\n", {"csv": {"delimiter": ","}}, ["c"]),
    ("a.csv", b"id:prompt\n1:a\n", {"csv": {"delimiter": ":"}}, ["a"]),
    ("a.csv", b"What is it?\nWhere is it?\n", {"csv": {"header": False}}, ["What is it?", "Where is it?"]),
    ("a.csv", b"1;a\n2;b\n", {"csv": {"header": False}, "prompt_column": "column_2"}, ["a", "b"]),
    ("a.csv", b'"x" y\n1;a\n', {"csv": {"header": False}, "prompt_column": "column_2"}, [None, "a"]),
    ("a.csv", "id,prompt\n1,é\n".encode("cp1252"), {"csv": {"encoding": "windows-1252"}}, ["é"]),
    ("a.csv", "id\tprompt\n1\té\n".encode("utf-16"), {"csv": {"encoding": "utf-16"}}, ["é"]),
    ("a.csv.gz", gzip.compress("id;prompt\n1;é\n".encode("utf-16"), mtime=0), {"csv": {"encoding": "utf-16"}}, ["é"]),
    ("a.csv", b"id,prompt\n1,\x81\n2,b\n", {"csv": {"encoding": "windows-1252"}}, [None, "b"]),
]


@pytest.mark.parametrize(("name", "body", "conf", "expected"), CSV)
def test_csv_of_any_dialect(name: str, body: bytes, conf: dict[str, Any], expected: list[str | None]) -> None:
    rows = staged(name, body, **conf)
    assert prompts(rows) == expected


def test_lines_before_the_header_count() -> None:
    assert [row["line"] for row in staged("a.csv", b"sep=;\nid;prompt\n\n1;a\n")] == [4]


REFUSED = [
    ("a.csv", b"What is two plus two?\nName a river\nIs snow white?\n", "What is two plus two?", "csv.header"),
    ("a.csv", b"id:prompt\n1:a\n", "columns there: id:prompt", "csv.delimiter"),
    (
        "a.csv",
        b"id;price,vat;prompt\n1;2,50;a\n2;3,50;b\n",
        "csv.delimiter: ",
        "at ',' (2 columns) or at ';' (3 columns)",
    ),
    ("a.csv", "id;prompt\n1;é\n".encode("utf-16"), "UTF-16", "csv.encoding"),
    ("a.csv", b"id,id\n1,2\n", "`id` twice", "csv.header"),
    ("a.jsonl", b"{'prompt': 'a'}\n{'prompt': 'b'}\n", "not JSON lines: line 1: not JSON (expecting", "Repair"),
    ("a.jsonl", b'"text"\n', "not JSON lines: line 1: the line is JSON but not an object", "Repair"),
    ("a.jsonl", b'{"meta": 1}\n{"meta": 2}\n', "prompt_column: ", "columns there: meta"),
    ("a.jsonl", b'{"words": "only"}\n', "prompt_column: ", "columns there: words"),
]


@pytest.mark.parametrize(("name", "body", "seen", "fix"), REFUSED)
def test_what_is_not_understood_is_refused_by_accept(name: str, body: bytes, seen: str, fix: str) -> None:
    store = MemoryStore()
    store.put(f"s3://b/in/{name}", body)
    with pytest.raises(RequestError) as caught:
        accepted(store, "run", input_uri=f"s3://b/in/{name}")
    assert seen in str(caught.value)
    assert fix in str(caught.value)


LINES = [
    ([f'{{"method": "POST", {CHAT}}}', f'{{"custom_id": "b", {CHAT}}}'], [None, "hi"]),
    (['{"meta": 1}', '{"prompt": "a"}', '{"prompt": "b"}'], [None, "a", "b"]),
    (['{"meta": 1, "text": "about"}', '{"prompt": "a"}', '{"prompt": "b"}'], [None, "a", "b"]),
    (['{"meta": 1}', f'{{"custom_id": "b", {CHAT}}}', f'{{"custom_id": "c", {CHAT}}}'], [None, "hi", "hi"]),
    (["{broken", '{"prompt": "a"}'], [None, "a"]),
    (['{"prompt": "a", "score": NaN, "n": -Infinity}', '{"prompt": "b"}'], ["a", "b"]),
    (['{"prompt": "a", "n": ' + "9" * 5000 + "}"], ["a"]),
]


@pytest.mark.parametrize(("lines", "expected"), LINES)
def test_an_odd_first_line_decides_nothing(lines: list[str], expected: list[str | None]) -> None:
    assert prompts(staged("a.jsonl", "\n".join(lines).encode())) == expected


USER, ASSISTANT = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
SHAREGPT = [{"from": "system", "value": "s"}, {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
ROWS: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({"instruction": "Add", "input": "1, 2", "output": "3"}, [{"role": "user", "content": "Add\n\n1, 2"}]),
    ({"instruction": "Add", "input": "", "output": "3"}, [{"role": "user", "content": "Add"}]),
    ({"instruction": "Add", "input": "1", "output": "3", "text": "all"}, [{"role": "user", "content": "Add\n\n1"}]),
    ({"instruction": "Sum up", "context": "c", "response": "r"}, [{"role": "user", "content": "Sum up\n\nc"}]),
    ({"question": "Who?", "context": "Ann did."}, [{"role": "user", "content": "Who?\n\nAnn did."}]),
    ({"conversations": SHAREGPT}, [{"role": "system", "content": "s"}, USER, ASSISTANT]),
    ({"conversations": [USER]}, [USER]),
    ({"prompt": [USER, ASSISTANT, USER], "completion": [ASSISTANT]}, [USER, ASSISTANT, USER]),
    ({"prompt": [USER], "chosen": [ASSISTANT], "rejected": [ASSISTANT]}, [USER]),
]


@pytest.mark.parametrize(("row", "messages"), ROWS)
def test_data_sets_of_known_shapes_are_read_whole(row: dict[str, Any], messages: list[dict[str, Any]]) -> None:
    for name, body in (("a.jsonl", json.dumps(row).encode()), ("a.parquet", table_bytes(pa.Table.from_pylist([row])))):
        found = [{k: m[k] for k in ("role", "content")} for m in messages_of(staged(name, body)[0])]
        assert found == messages


def test_an_input_that_is_missing_in_the_first_rows_is_read_in_the_later() -> None:
    lines = [*(['{"instruction": "a"}'] * 150), '{"instruction": "b", "input": "c"}']
    assert prompts(staged("a.jsonl", "\n".join(lines).encode()))[149:] == ["a", "b\n\nc"]


def test_a_named_column_is_read_alone() -> None:
    row = {"instruction": "Add", "input": "1, 2"}
    assert prompts(staged("a.jsonl", json.dumps(row).encode(), prompt_column="instruction")) == ["Add"]


@pytest.mark.parametrize(
    ("conversations", "reason"),
    [
        ([{"from": "observation", "value": "x"}], "`conversations[0].from` is unknown. Use one of human"),
        ([{"from": "human"}], "`conversations[0].content` is null or missing"),
        ([{"from": "human", "value": "x"}, {"value": "y"}], "`conversations[1].role` is missing"),
        ("[{", "`conversations` is a text that is not JSON"),
    ],
)
def test_conversations_that_are_not_understood_fail_their_row(conversations: object, reason: str) -> None:
    rows = staged("a.jsonl", json.dumps({"conversations": conversations}).encode())
    assert reason in rows[0]["error"]


WHEN = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
TYPED = [
    (pa.array([WHEN.replace(tzinfo=None)], pa.timestamp("us")), "2024-01-02T03:04:05"),
    (pa.array([1_704_164_645_000_000_123], pa.timestamp("ns")), "2024-01-02T03:04:05"),
    (pa.array([WHEN], pa.timestamp("ms", "UTC")), "2024-01-02T03:04:05+00:00"),
    (pa.array([date(2024, 1, 2)], pa.date32()), "2024-01-02"),
    (pa.array([5_000_000_123], pa.time64("ns")), "00:00:05"),
    (pa.array([5_000_000_123], pa.duration("ns")), "0:00:05"),
    (pa.array([Decimal("1.50")], pa.decimal128(9, 2)), "1.50"),
    (pa.array([b"text"], pa.binary()), "text"),
    (pa.array(["text"]).dictionary_encode(), "text"),
    (pa.array([b"\xff\xfe"], pa.binary()), None),
    (pa.array([10**14], pa.timestamp("s")), None),
    (pa.array([float("nan")]), None),
]


@pytest.mark.parametrize(("column", "text"), TYPED, ids=[str(column.type) for column, _ in TYPED])
def test_values_without_a_form_in_json_are_text_in_templates_and_messages(column: pa.Array, text: str | None) -> None:
    value = pa.StructArray.from_arrays([pa.array(["user"]), pa.array(["hi"]), column], ["role", "content", "at"])
    tables = {
        "at": pa.table({"at": column}),
        "messages[0].at": pa.table({"messages": pa.ListArray.from_arrays([0, 1], value)}),
    }
    for name, table in tables.items():
        conf = {"prompt_template": "It is {at}"} if name == "at" else {}
        row = staged("a.parquet", table_bytes(table), **conf)[0]
        if text is None:
            assert row["error"] is not None
            assert name in row["error"] or "column `messages`" in row["error"]
        else:
            (message,) = messages_of(row)
            assert message == ({"role": "user", "content": f"It is {text}"} if conf else
                               {"role": "user", "content": "hi", "at": text})  # fmt: skip


def test_one_value_that_cannot_be_read_costs_one_row() -> None:
    column = pa.array([0, 10**14, 1], pa.timestamp("s"))
    table = pa.table({"id": ["a", "b", "c"], "at": column})
    rows = staged("a.parquet", table_bytes(table), prompt_template="{at}")
    assert [(row["custom_id"], row["error"] is None) for row in rows] == [("a", True), ("b", False), ("c", True)]


def test_messages_name_an_object_by_its_key_below_the_prefix() -> None:
    store = MemoryStore()
    for day in (1, 2):
        store.put(f"s3://b/in/day={day}/part-0.jsonl", b'{"custom_id": "x", "prompt": "a"}\nbroken\n')
    for uri in ("s3://b/in/", "s3://b/in/day=*/*.jsonl"):
        spec = accepted(store, uri, input_uri=uri, max_error_rate=1)
        stage(spec, store, ManualClock(CREATED))
        errors = [row["error"] for row in staged_rows_of(spec, store)]
        assert errors[1].startswith("line 2 of day=1/part-0.jsonl: ")
        assert "line 1 of day=2/part-0.jsonl: " in errors[2]
        assert "in line 1 of day=1/part-0.jsonl." in errors[2]


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("/chat/completions", Endpoint.CHAT),
        ("/v1/chat/completions/", Endpoint.CHAT),
        ("https://api.openai.com/v1/chat/completions", Endpoint.CHAT),
        ("https://x.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21", Endpoint.CHAT),
        ("/completions", Endpoint.COMPLETIONS),
        ("http://localhost:8000/v1/completions/", Endpoint.COMPLETIONS),
    ],
)
def test_urls_mean_what_they_say(url: str, endpoint: Endpoint) -> None:
    body = {"messages": [USER]} if endpoint is Endpoint.CHAT else {"prompt": "q"}
    (row,) = staged("a.jsonl", json.dumps({"custom_id": "a", "url": url, "body": body}).encode())
    assert (row["error"], row["url"]) == (None, endpoint.value)
