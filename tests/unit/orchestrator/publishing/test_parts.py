"""A delivered file in parts: bounded, complete, and the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.answered_jobs import staged_job
from llmbatch.orchestrator.jobs.kept_columns import NO_COLUMNS
from llmbatch.orchestrator.jobs.result_shards import RESULT_SCHEMA
from llmbatch.orchestrator.publishing import parts
from llmbatch.orchestrator.publishing.files import JsonLinesFile, ParquetFile
from llmbatch.orchestrator.publishing.parts import PartedFile, is_part
from llmbatch.orchestrator.publishing.table_columns import TableColumns

COLUMNS = TableColumns.of(staged_job()[0], NO_COLUMNS, is_failed=False)


def rows(first: int, count: int) -> pa.Table:
    empty: dict[str, object] = dict.fromkeys(RESULT_SCHEMA.names)
    return pa.Table.from_pylist([empty | {"line": first + n} for n in range(count)], schema=RESULT_SCHEMA)


def json_lines(path: Path) -> JsonLinesFile:
    return JsonLinesFile(path, lambda table: [f'{{"line":{line}}}' for line in table["line"].to_pylist()])


def test_a_small_file_is_one_part_under_its_own_name(tmp_path: Path) -> None:
    file = PartedFile(tmp_path, "results.jsonl", json_lines)
    file.append(rows(0, 3))
    file.append(rows(3, 2))
    file.close()
    [part] = file.parts()
    assert (part.name, part.rows, file.rows) == ("results.jsonl", 5, 5)


def test_a_file_without_rows_is_one_empty_part(tmp_path: Path) -> None:
    file = PartedFile(tmp_path, "results.jsonl", json_lines)
    file.append(rows(0, 0))
    file.close()
    [part] = file.parts()
    assert (part.name, part.rows, part.path.read_bytes()) == ("results.jsonl", 0, b"")


@pytest.mark.parametrize("limit", [23, 44], ids=["above a line", "exactly full"])
@pytest.mark.parametrize(("count", "cut"), [(8, [4, 4]), (10, [4, 4, 2])])
def test_a_large_file_is_numbered_parts_with_each_row_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, count: int, cut: list[int]
) -> None:
    """Each line takes 11 bytes."""
    monkeypatch.setattr(parts, "PART_BYTES", limit)
    file = PartedFile(tmp_path, "results.jsonl", json_lines)
    for first in range(0, count, 2):
        file.append(rows(first, 2))
        file.append(rows(0, 0))  # no reason for another part
    file.close()
    found = file.parts()
    assert [part.name for part in found] == [f"results-0000{n}.jsonl" for n in range(len(cut))]
    assert ([part.rows for part in found], file.rows) == (cut, count)
    lines = [json.loads(line)["line"] for part in found for line in part.path.read_text().splitlines()]
    assert lines == list(range(count))


def test_parquet_parts_are_whole_files_cut_at_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1000)
    file = PartedFile(tmp_path, "results.parquet", lambda path: ParquetFile(path, COLUMNS))
    for n in range(5):
        file.append(rows(n * 5000, 5000))
    file.close()
    found = file.parts()
    assert [(part.name, part.rows) for part in found] == [
        ("results-00000.parquet", 10_000), ("results-00001.parquet", 10_000), ("results-00002.parquet", 5000),
    ]  # fmt: skip
    lines = [line for part in found for line in pq.read_table(part.path)["line"].to_pylist()]
    assert lines == list(range(25_000))


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("results.jsonl", True),
        ("results-00000.jsonl", True),
        ("results-123456.jsonl", True),
        ("results-1.jsonl", False),
        ("results.parquet", False),
        ("old-results.jsonl", False),
        ("results-00000.jsonl.gz", False),
        ("results/00000.jsonl", False),
    ],
)
def test_the_names_of_parts(name: str, is_one: bool) -> None:
    assert is_part(name, "results.jsonl") is is_one
