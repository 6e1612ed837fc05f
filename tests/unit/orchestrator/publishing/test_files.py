"""Output files have the user's columns."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.answered_jobs import NOW, answered, staged_job
from fakes.results import chat_body
from llmbatch.core.clock import ManualClock
from llmbatch.core.request_options import OutputFormat
from llmbatch.orchestrator.jobs.kept_columns import NO_COLUMNS
from llmbatch.orchestrator.jobs.result_shards import RESULT_SCHEMA
from llmbatch.orchestrator.publishing.files import NAMES, JsonLinesFile, ParquetFile, open_outputs, output_uri
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.publishing.table_columns import TableColumns

COLUMNS = TableColumns.of(staged_job()[0], NO_COLUMNS, is_failed=False)


def test_parquet_output() -> None:
    spec, store = staged_job(OutputFormat.PARQUET)
    answered(spec, store)
    publish(spec, store, ManualClock(NOW))
    results = pq.read_table(io.BytesIO(store.get("s3://b/out/results.parquet")))
    failed = pq.read_table(io.BytesIO(store.get("s3://b/out/failed.parquet")))
    assert (results.num_rows, results.schema) == (9, COLUMNS.schema)
    assert (failed.num_rows, failed.schema.names) == (1, [*COLUMNS.schema.names, "request"])


CHAT_URL = "/v1/chat/completions"


def result_rows(count: int) -> pa.Table:
    row = dict.fromkeys(RESULT_SCHEMA.names) | {"row_id": "00000-000000001", "line": 1, "url": CHAT_URL}
    row["response"] = json.dumps(chat_body('ä "b"\n'))
    return pa.Table.from_pylist([row] * count, schema=RESULT_SCHEMA)


def test_a_parquet_file_has_large_row_groups_and_every_row(tmp_path: Path) -> None:
    file = ParquetFile(tmp_path / "r.parquet", COLUMNS)
    for _ in range(5):
        file.append(result_rows(3000))
    file.close()
    metadata = pq.read_metadata(tmp_path / "r.parquet")
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [9000, 6000]
    assert pq.read_schema(tmp_path / "r.parquet") == COLUMNS.schema


def test_a_row_group_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    file = ParquetFile(tmp_path / "r.parquet", COLUMNS)
    large = result_rows(1).set_column(
        RESULT_SCHEMA.get_field_index("response"),
        RESULT_SCHEMA.field("response"),
        pa.array([json.dumps(chat_body("x" * 9 * 2**20))]),
    )
    for _ in range(5):
        file.append(large)
    file.close()
    metadata = pq.read_metadata(tmp_path / "r.parquet")
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [2, 2, 1]


def test_a_json_lines_file_has_one_line_for_each_row(tmp_path: Path) -> None:
    file = JsonLinesFile(tmp_path / "r.jsonl", lambda table: [f'{{"ä":{line}}}' for line in table["line"].to_pylist()])
    file.append(result_rows(2))
    line = '{"ä":1}\n'.encode()
    assert file.size == 2 * len(line)
    file.close()
    assert (tmp_path / "r.jsonl").read_bytes() == line * 2


@pytest.mark.parametrize(
    ("format", "names"),
    [
        (OutputFormat.JSONL, ("results.jsonl", "failed.jsonl")),
        (OutputFormat.PARQUET, ("results.parquet", "failed.parquet")),
        (OutputFormat.OPENAI_BATCH, ("output.jsonl", "errors.jsonl")),
    ],
)
def test_each_format_has_a_file_for_answers_and_one_for_the_rest(
    tmp_path: Path, format: OutputFormat, names: tuple[str, str]
) -> None:
    spec, _ = staged_job(format)
    assert NAMES[format] == names
    results, failed = open_outputs(spec, tmp_path, NO_COLUMNS)
    for file in (results, failed):
        file.close()
    assert tuple(file.parts()[0].name for file in (results, failed)) == names


@pytest.mark.parametrize("folder", ["s3://b/out", "s3://b/out/"])
def test_an_output_is_delivered_into_the_output_folder(folder: str) -> None:
    spec = staged_job()[0].model_copy(update={"output_uri": folder})
    assert output_uri(spec, "results.jsonl") == "s3://b/out/results.jsonl"


def test_json_lines_hold_no_character_that_readers_take_for_the_end_of_a_line(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\u0085d\x0be"
    line = json.dumps({"text": text}, ensure_ascii=False)
    file = JsonLinesFile(tmp_path / "r.jsonl", lambda table: [line] * table.num_rows)
    file.append(result_rows(2))
    file.close()
    lines = (tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == [text, text]
