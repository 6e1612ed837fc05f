"""The first rows: read and checked as a job reads and checks them, and nothing is written."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from llmbatch.core.errors import InputChanged, RequestError, StoreDenied
from llmbatch.core.gateway_layout import files_uri
from llmbatch.core.job_request import parse_request
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.pages.start import bounded_store
from llmbatch.gateway.pages.start.rows import MOST_ROWS, FirstRows, first_rows
from llmbatch.gateway.pages.start.shown_row import Turn

LINES = b"".join(json.dumps({"id": n, "text": f"text {n}"}).encode() + b"\n" for n in range(1, 9))


def _rows(gateway: FakeGateway, owner: str = "ann", **conf: object) -> FirstRows:
    request = parse_request({"input_uri": "s3://b/in.jsonl", **conf})
    return first_rows(request, owner, gateway.config, gateway.store, gateway.clock)


def _gateway(body: bytes = LINES, uri: str = "s3://b/in.jsonl", **sections: object) -> FakeGateway:
    gateway = fake_gateway(**sections)
    gateway.store.put(uri, body)
    return gateway


def test_the_template_is_filled_in_and_the_system_prompt_is_there() -> None:
    gateway = _gateway()
    before = dict(gateway.store.objects)
    found = _rows(gateway, prompt_template="Translate: {text}", system_prompt="Be brief.", sampling={"max_tokens": 9})
    assert (found.format, found.objects, found.bytes, found.model) == ("jsonl", 1, len(LINES), "small")
    assert len(found.rows) == MOST_ROWS
    assert found.rows[1].turns == (Turn("system", "Be brief."), Turn("user", "Translate: text 2"))
    assert json.loads(found.rows[0].parameters)["max_completion_tokens"] == 9
    assert gateway.store.objects == before


def test_the_column_is_found_as_a_job_finds_it() -> None:
    assert ("prompt_column", "text") in _rows(_gateway()).source


def test_rows_come_from_several_objects_and_bad_ones_are_named() -> None:
    gateway = _gateway(b'{"prompt": "one"}\n', "s3://b/day/a.jsonl")
    gateway.store.put("s3://b/day/b.jsonl", b'broken\n{"prompt": "two"}\n')
    found = _rows(gateway, input_uri="s3://b/day/")
    assert [row.error and row.error.split(":")[0] for row in found.rows] == [None, "line 1 of b.jsonl", None]
    assert (found.rows[1].raw, found.objects) == ("broken", 2)


def test_parquet_and_csv_are_read() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"prompt": [f"p{n}" for n in range(100)]}), sink)
    gateway = _gateway(sink.getvalue(), "s3://b/t.parquet")
    gateway.store.put("s3://b/t.csv", b"id,question\n1,Why?\n2,How?\n")
    assert [row.turns[0].text for row in _rows(gateway, input_uri="s3://b/t.parquet").rows] == [
        f"p{n}" for n in range(MOST_ROWS)
    ]
    assert [row.turns[0].text for row in _rows(gateway, input_uri="s3://b/t.csv").rows] == ["Why?", "How?"]


@pytest.mark.parametrize(
    ("conf", "field", "words"),
    [
        ({"input_uri": "s3://b/other.jsonl"}, "input_uri", "does not exist"),
        ({"prompt_column": "txt"}, "prompt_column", "Did you mean 'text'?"),
        ({"prompt_template": "{body}"}, "prompt_template", "has no column 'body'"),
        ({"input_uri": f"{BASE}/jobs/"}, "input_uri", "the folder of the jobs"),
        ({"output_uri": f"{BASE}/out/"}, "output_uri", "the folder of the jobs"),
        ({"priority": 5}, "priority", "limits.max_priority"),
        ({"request": {"temprature": 1}}, "request.temprature", "temperature"),
        ({"retry_failed_of": "job-0123456789abcdef", "input_uri": None}, "retry_failed_of", "there is no job"),
    ],
)
def test_what_a_job_is_refused_for_is_refused_here(conf: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(RequestError, match=words) as error:
        _rows(_gateway(), **conf)
    assert error.value.field == field


def test_only_allowed_prefixes_are_read() -> None:
    gateway = _gateway(store={"base_uri": BASE, "allowed_inputs": ["s3://b/free/"]})
    with pytest.raises(RequestError, match=r"store\.allowed_inputs"):
        _rows(gateway)
    gateway.store.put("s3://b/free/in.jsonl", LINES)
    assert _rows(gateway, input_uri="s3://b/free/in.jsonl").rows


def test_an_uploaded_file_is_read_by_its_owner_only() -> None:
    uri = f"{files_uri(BASE, 'ann')}content/file-1.jsonl"
    gateway = _gateway(LINES, uri)
    assert _rows(gateway, "ann", input_uri=uri).rows
    for other in ("bob", ""):
        with pytest.raises(RequestError, match="the folder of the jobs"):
            _rows(gateway, other, input_uri=uri)


def test_a_look_that_ends_early_shows_what_it_read(monkeypatch: pytest.MonkeyPatch) -> None:
    long = json.dumps({"prompt": "x" * 400_000}).encode() + b"\n"
    gateway = _gateway(long * 12)
    monkeypatch.setattr(bounded_store, "MOST_BYTES", 2_600_000)
    found = _rows(gateway, prompt_column="prompt", input_format="jsonl")
    assert 0 < len(found.rows) < MOST_ROWS
    assert "the look at the first rows ended after" in found.cut
    monkeypatch.setattr(bounded_store, "MOST_BYTES", 100)
    with pytest.raises(RequestError, match="the look at the first rows ended after"):
        _rows(gateway)


@pytest.mark.parametrize(
    ("error", "words"),
    [(StoreDenied("not yours"), "cannot be read with the key"), (InputChanged("s3://b/in.jsonl", "e"), "has changed")],
)
def test_errors_of_reading_name_the_input(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def head(*_: object) -> None:
        raise error

    gateway = _gateway()
    monkeypatch.setattr(MemoryStore, "head", head)
    with pytest.raises(RequestError, match=words) as found:
        _rows(gateway)
    assert found.value.field == "input_uri"
