"""Every bad row of every format: it fails alone, its error has the place and the reason, and other rows are kept."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from datetime import UTC, datetime
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from llmbatch.core.config import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import InputChanged, RequestError
from llmbatch.core.job_request import InputFormat, JobRequest, OutputFormat
from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.rows import StagedRow
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.staging.rows import staged_rows, unique_rows

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CHAT = "/v1/chat/completions"


def spec_of(
    store: MemoryStore, objects: dict[str, bytes], fmt: InputFormat, staging: dict[str, int] | None = None, **request
) -> JobSpec:
    infos = [store.put(f"s3://b/in/{name}", body) for name, body in objects.items()]
    return JobSpec(
        job_id="job-0000000000000001",
        dag_id="d",
        run_id="r",
        root_uri="s3://b/jobs/job-0000000000000001",
        created_at=NOW,
        deadline=NOW,
        request=JobRequest(input_uri="s3://b/in/", **request),
        input_format=fmt,
        output_format=OutputFormat.JSONL,
        output_uri="s3://b/out/",
        objects=tuple(InputObject(uri=info.uri, etag=info.etag, size=info.size) for info in infos),
        model_name="m",
        model_uri="hub/m",
        engine=EngineSettings(),
        staging=StagingConfig(**(staging or {})),
        heartbeat=HeartbeatConfig(),
    )


def rows_of(body: bytes | dict[str, bytes], fmt: InputFormat, store: MemoryStore | None = None, **options):
    objects = body if isinstance(body, dict) else {"a.txt": body}
    spec = spec_of(store or MemoryStore(), objects, fmt, **options)
    return list(unique_rows(staged_rows(spec, store or _store_of(spec, objects)), tuple(objects)))


def _store_of(spec: JobSpec, objects: dict[str, bytes]) -> MemoryStore:
    store = MemoryStore()
    for obj, body in zip(spec.objects, objects.values(), strict=True):
        store.put(obj.uri, body)
    return store


def chat_line(custom_id: object, body: object = None, **changes: object) -> bytes:
    line = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body, **changes}
    if body is None:
        line["body"] = {"messages": [{"role": "user", "content": "hi"}]}
    return json.dumps(line).encode()


def user(content: object, **rest: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": content}], **rest}


def request_of(row: StagedRow) -> dict:
    assert row.error is None, row.error
    return json.loads(row.request)


BAD_OPENAI = [
    (b'{"custom_id": "x", ', "not JSON"),
    (b"[1, 2]", "not an object"),
    (b'"text"', "not an object"),
    (b'{"custom_id": "x", "body": NaN}', "NaN"),
    (b'{"a":' + b"[" * 100_000, "nested too deeply"),
    (b"\xff\xfe broken", "not UTF-8 (byte 0xff at position 1)"),
    (b'{"custom_id": "\x00"}', "NUL byte"),
    (chat_line(None), "`custom_id` is missing"),
    (chat_line(7), "`custom_id` is not a text"),
    (chat_line("y" * 600), "more than 512"),
    (chat_line("x", url=None), "`url` is missing"),
    (chat_line("x", url="/v1/embeddings"), "'/v1/embeddings' is not supported"),
    (chat_line("x", method="GET"), "`method` is not POST"),
    (b'{"custom_id": "x", "url": "/v1/chat/completions"}', "`body` is missing"),
    (chat_line("x", "text"), "`body` is not an object"),
    (chat_line("x", {"max_tokens": 3}), "`body.messages` is missing"),
    (chat_line("x", {"messages": "hi"}), "`messages` is a text, not a list"),
    (chat_line("x", {"messages": None}), "`messages` is null, not a list"),
    (chat_line("x", {"messages": []}), "`messages` is empty"),
    (chat_line("x", {"messages": ["hi"]}), "`messages[0]` is a text, not an object"),
    (chat_line("x", {"messages": [{"content": "hi"}]}), "`messages[0].role` is missing"),
    (chat_line("x", {"messages": [{"role": "owner", "content": "hi"}]}), "`messages[0].role` is unknown"),
    (chat_line("x", user(None)), "`messages[0].content` is null"),
    (chat_line("x", user("")), "`messages[0].content` is blank"),
    (chat_line("x", user(" \n\t")), "`messages[0].content` is blank"),
    (chat_line("x", user(5)), "`messages[0].content` is a number"),
    (chat_line("x", user([{"type": "image_url", "image_url": {}}])), "a part that is not text"),
    (chat_line("x", {"messages": [{"role": "system", "content": ""}]}), "no message has any text"),
    (chat_line("x", user("nul \0 inside")), "NUL character"),
    (chat_line("x", user("half \ud800 pair")), "half of a surrogate pair"),
    (chat_line("x", user("hi", temperature=3)), "`temperature`: input should be less than or equal to 2"),
    (chat_line("x", user("hi", max_tokens=0)), "`max_tokens`"),
    (chat_line("x", user("hi", min_tokens=300)), "min_tokens 300 is more than max_tokens 256"),
    (chat_line("x", user("hi", n=2)), "n is 2"),
    (chat_line("x", user("hi", tools=[])), "`tools` is not a parameter"),
    (chat_line("x", user("hi", response_format={"type": "xml"})), "`response_format` is not understood"),
    (chat_line("x", user("hi", guided_json="{")), "`guided_json` is a text that is not JSON"),
    (chat_line("x", user("hi", guided_json=[1])), "JSON schema is not an object"),
    (chat_line("x", {"prompt": None}, url="/v1/completions"), "`body.prompt` is null"),
    (chat_line("x", {"prompt": ["a", "b"]}, url="/v1/completions"), "`body.prompt` is not a text"),
    (chat_line("x", {"prompt": " "}, url="/v1/completions"), "`body.prompt` is blank"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_OPENAI)
def test_bad_openai_line(bad: bytes, reason: str) -> None:
    rows = rows_of(chat_line("a") + b"\n\n" + bad + b"\r\n" + chat_line("b") + b"\n", InputFormat.OPENAI_BATCH)
    assert [(row.line, row.custom_id) for row in (rows[0], rows[2])] == [(1, "a"), (4, "b")]
    assert rows[0].error is None
    assert rows[2].error is None
    assert rows[1].line == 3
    assert rows[1].row_id == "00000-000000003"
    assert rows[1].error_class == "invalid"
    assert rows[1].error.startswith("line 3 of a.txt: ")
    assert reason in rows[1].error
    assert len(rows[1].request) <= 2000
    assert rows[1].input_chars == 0


BAD_JSONL = [
    (b"{}", "the row has no `messages`, `prompt` or `text`"),
    (b'{"prompt": null}', "`prompt` is null"),
    (b'{"prompt": "  "}', "`prompt` is blank"),
    (b'{"prompt": 7}', "`prompt` is not a text"),
    (b'{"messages": {}}', "`messages` is an object, not a list"),
    (b'{"prompt": "a", "id": [1]}', "`custom_id` is not a text or a number"),
    (b'{"prompt": "a", "id": "\\ud800"}', "surrogate"),
    (b'{"prompt": "a", "sampling": 3}', "`sampling` is not an object"),
    (b'{"prompt": "a", "sampling": {"heat": 3}}', "`heat` is not a parameter"),
    (b'{"prompt": "a", "sampling": {"top_p": 3}}', "`top_p`"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_JSONL)
def test_bad_jsonl_line(bad: bytes, reason: str) -> None:
    rows = rows_of(b'{"prompt": "a"}\n' + bad + b'\n{"text": "b"}', InputFormat.JSONL)
    assert [row.error is None for row in rows] == [True, False, True]
    assert rows[1].error.startswith("line 2 of a.txt: ")
    assert reason in rows[1].error
    assert rows[1].request == bad.decode()


BAD_CSV = [
    (b"only one", 2, "1 fields where the header has 2"),
    (b"1,a,b", 2, "3 fields where the header has 2"),
    (b"1,", 2, "`prompt` is blank"),
    (b"1,\xe9t\xe9", 2, "not UTF-8"),
    (b"1,a\0b", 2, "NUL byte"),
    (b'1,"a"b', 2, "the quotes do not match"),
    (b'1,"never closed', 2, "the quotes do not match"),
    (b"1,a\rb", 2, "the quotes do not match"),
]


@pytest.mark.parametrize(("bad", "line", "reason"), BAD_CSV)
def test_bad_csv_record(bad: bytes, line: int, reason: str) -> None:
    rows = rows_of(b"id,prompt\r\n" + bad + b'\n\n2,"two, ""quoted""\nlines"\n3,three', InputFormat.CSV)
    assert [row.line for row in rows] == [line, 4, 6]
    assert rows[0].error.startswith(f"line {line} of a.txt: ")
    assert reason in rows[0].error
    assert request_of(rows[1])["messages"][0]["content"] == 'two, "quoted"\nlines'
    assert [row.custom_id for row in rows[1:]] == ["2", "3"]


def test_csv_quote_open_until_the_end_costs_one_line() -> None:
    rows = rows_of(b'prompt,x\n"open,1\ntwo,2\nthree,3\n', InputFormat.CSV)
    assert [(row.line, row.error is None) for row in rows] == [(2, False), (3, True), (4, True)]
    assert "never closed" in rows[0].error


def test_csv_quote_open_for_too_long_costs_one_line() -> None:
    filler = b"".join(b"%d,%s\n" % (number, b"row" * 30) for number in range(15_000))
    rows = rows_of(b'x,prompt\n1,"open\n' + filler, InputFormat.CSV, staging={"max_prompt_chars": 100})
    assert "not closed within" in rows[0].error
    assert len(rows) == 15_001
    assert all(row.error is None for row in rows[1:])


@pytest.mark.parametrize(
    ("body", "fmt", "reason"),
    [
        (b"id,question\n1,a\n", InputFormat.CSV, "has no column `messages`, `prompt` or `text`"),
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


def table_bytes(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def test_bad_parquet_rows() -> None:
    texts = pa.array([b"one", None, b"", b"\xff", b"five"], pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 5, texts.buffers())
    table = pa.table({"prompt": texts, "custom_id": [1, 2, 3, 4, 1], "other": [None] * 5})
    rows = rows_of(table_bytes(table), InputFormat.PARQUET)
    reasons = ["", "`prompt` is null", "`prompt` is blank", "column `prompt` is not UTF-8", "custom_id '1' was used"]
    assert [row.line for row in rows] == [1, 2, 3, 4, 5]
    for row, reason in zip(rows, reasons, strict=True):
        assert (row.error is None) == (reason == "")
        assert reason in (row.error or "")
    assert "line 5 of a.txt" in rows[4].error
    assert "in line 1 of a.txt" in rows[4].error


def test_parquet_messages_sampling_and_row_groups() -> None:
    messages = [[{"role": "user", "content": f"q{number}", "name": None}] for number in range(1000)]
    table = pa.table({"messages": messages, "sampling": ['{"seed": 5}'] * 1000})
    rows = rows_of(table_bytes(table, row_group_size=100), InputFormat.PARQUET)
    assert len(rows) == 1000
    assert request_of(rows[999]) == {
        "messages": [{"content": "q999", "role": "user"}],
        "sampling": {"max_tokens": 256, "seed": 5},
    }


def test_damaged_parquet_data_loses_no_row_in_silence() -> None:
    table = pa.table({"prompt": [f"prompt {number} " * 20 for number in range(5000)]})
    body = bytearray(table_bytes(table, row_group_size=1000, use_dictionary=False, compression="zstd"))
    meta = pq.read_metadata(io.BytesIO(body))
    start = meta.row_group(3).column(0).data_page_offset
    body[start + 40 : start + 4000] = b"\xaa" * 3960
    with pytest.raises(RequestError, match=r"s3://b/in/a.txt is damaged after row [1-3]?\d*\. Write the file again"):
        rows_of(bytes(body), InputFormat.PARQUET)


PLAIN = b"".join(b'{"prompt": "question %d"}\n' % number for number in range(50_000))


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(PLAIN),
        gzip.compress(PLAIN[:30]) + gzip.compress(PLAIN[30:]) + b"\0" * 100,
        zstandard.compress(PLAIN),
        zstandard.compress(PLAIN[:30]) + zstandard.compress(PLAIN[30:]),
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.rstrip(b"\n"),
    ],
    ids=["gzip", "gzip-members", "zstd", "zstd-frames", "bom", "crlf", "no-last-newline"],
)
def test_same_rows_in_every_wrapping(body: bytes) -> None:
    rows = rows_of(body, InputFormat.JSONL)
    assert len(rows) == 50_000
    assert [row.line for row in rows] == list(range(1, 50_001))
    assert request_of(rows[-1])["messages"][0]["content"] == "question 49999"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(PLAIN)[:-500], "gzip data ends too early"),
        (gzip.compress(PLAIN) + b"trailing", "gzip data is damaged"),
        (zstandard.compress(PLAIN)[:-10], "zstd data ends too early"),
        (zstandard.compress(PLAIN) + b"trailing", "zstd data is damaged"),
    ],
)
def test_damaged_compression_loses_no_row_in_silence(body: bytes, reason: str) -> None:
    with pytest.raises(RequestError, match=r"is damaged after line [1-9]\d*: ") as error:
        rows_of(body, InputFormat.JSONL)
    assert reason in str(error.value)


def test_compression_bomb_is_one_too_long_line() -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = engine.compress(b'{"prompt": "a"}\n') + b"".join(engine.compress(b"a" * 2**20) for _ in range(300))
    rows = rows_of(bomb + engine.flush(), InputFormat.JSONL)
    assert [row.error_class for row in rows] == [None, "too_long"]
    assert "longer than" in rows[1].error


def test_long_prompts() -> None:
    lines = [b'{"prompt": "%s"}' % (b"a" * size) for size in (100, 101, 2**20 + 2000)] + [b'{"prompt": "b"}']
    rows = rows_of(b"\n".join(lines), InputFormat.JSONL, staging={"max_prompt_chars": 100})
    assert [row.error_class for row in rows] == [None, "too_long", "too_long", None]
    assert "101 characters, more than staging.max_prompt_chars 100" in rows[1].error


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


def test_requests_of_openai_bodies() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object", "b": 1, "a": 2}}}
    lines = [
        chat_line("a", user([{"type": "text", "text": "é"}, {"type": "text", "text": "z"}], response_format=form)),
        chat_line("b", {"prompt": "once", "max_tokens": 5, "temperature": None}, url="/v1/completions"),
        chat_line("c", {"messages": [{"role": "developer", "content": "own"}, *user("q")["messages"]], "seed": 1}),
    ]
    rows = rows_of(b"\n".join(lines), InputFormat.OPENAI_BATCH, sampling={"seed": 9, "max_tokens": 7})
    assert rows[0].request == (
        '{"messages":[{"content":"é\\nz","role":"user"}],"output_schema":{"a":2,"b":1,"type":"object"},'
        '"sampling":{"max_tokens":7,"seed":9}}'
    )
    assert rows[0].input_chars == 3
    assert (rows[1].kind, rows[1].request) == ("completion", '{"prompt":"once","sampling":{"max_tokens":5,"seed":9}}')
    assert request_of(rows[2])["messages"][0] == {"role": "system", "content": "own"}
    with_system = rows_of(b"\n".join(lines), InputFormat.OPENAI_BATCH, system_prompt="be brief")
    assert [row.kind for row in with_system] == ["chat", "chat", "chat"]
    assert request_of(with_system[1])["messages"] == [
        {"content": "be brief", "role": "system"},
        {"content": "once", "role": "user"},
    ]
    assert request_of(with_system[2])["messages"][0]["content"] == "own"


def test_template_columns_and_job_schema() -> None:
    body = b'{"name": "Ann", "age": 7, "tags": ["b", "a"], "prompt": "unused"}\n{"name": null, "age": 7, "tags": 1}\n{}'
    rows = rows_of(
        body, InputFormat.JSONL, prompt_template="{{Hi}} {name} {age} {tags}", output_schema={"type": "object"}
    )
    assert request_of(rows[0])["messages"][0]["content"] == '{Hi} Ann 7 ["b","a"]'
    assert request_of(rows[0])["output_schema"] == {"type": "object"}
    assert "column `name` of the prompt template is null" in rows[1].error
    assert "the row has no `name` and `age` and `tags`" in rows[2].error


def test_named_columns_win() -> None:
    body = b'{"q": "mine", "prompt": "other", "m": "[{\\"role\\": \\"user\\", \\"content\\": \\"c\\"}]"}'
    assert request_of(rows_of(body, InputFormat.JSONL, prompt_column="q")[0])["messages"][0]["content"] == "mine"
    assert request_of(rows_of(body, InputFormat.JSONL, messages_column="m")[0])["messages"][0]["content"] == "c"


class _BrokenBody(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 600_000:
            raise ConnectionResetError
        return super().read(size)


class _BreakingStore(MemoryStore):
    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        super().open_stream(uri, etag)
        return _BrokenBody(self.get(uri))


def test_broken_connection_is_resumed_by_range() -> None:
    store = _BreakingStore()
    rows = rows_of({"a": PLAIN}, InputFormat.JSONL, store=store)
    assert len(rows) == 50_000
    assert all(row.error is None for row in rows)


@pytest.mark.parametrize("fmt", [InputFormat.JSONL, InputFormat.PARQUET])
@pytest.mark.parametrize("replacement", [b"other", None])
def test_changed_input_is_refused(fmt: InputFormat, replacement: bytes | None) -> None:
    store = MemoryStore()
    spec = spec_of(store, {"a": b'{"prompt": "a"}'}, fmt)
    del store.objects[spec.objects[0].uri]
    if replacement is not None:
        store.put(spec.objects[0].uri, replacement)
    with pytest.raises(InputChanged):
        list(staged_rows(spec, store))


def test_seeds_of_rows_are_checked_and_kept() -> None:
    body = b"\n".join(
        b'{"prompt": "a", "sampling": {"seed": %s, "top_k": 3}}' % s for s in (b"1", b"2", b"1e400", b"%d" % 2**63)
    )
    rows = rows_of(body, InputFormat.JSONL, sampling={"seed": 9, "max_tokens": 8})
    assert request_of(rows[0])["sampling"] == {"max_tokens": 8, "seed": 1, "top_k": 3}
    assert request_of(rows[1])["sampling"] == {"max_tokens": 8, "seed": 2, "top_k": 3}
    assert ["`seed`" in row.error for row in rows[2:]] == [True, True]
