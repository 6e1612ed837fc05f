"""``keep_columns``: what a job keeps, and what is refused when it is accepted."""

from __future__ import annotations

import pyarrow as pa
import pytest

from fakes.input_rows import chat_line, input_job, table_bytes
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat, OutputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.formats import resolve_columns
from llmbatch.orchestrator.inputs.keep import STRICT_BYTES, Keep
from llmbatch.orchestrator.jobs.documents import read_inputs

PARQUET, CSV, JSONL, OPENAI = InputFormat.PARQUET, InputFormat.CSV, InputFormat.JSONL, InputFormat.OPENAI_BATCH
DEFAULT = Keep(None, 16_384, is_strict=False)


@pytest.mark.parametrize(
    ("fmt", "wanted", "kept"),
    [
        (PARQUET, None, DEFAULT),
        (CSV, None, DEFAULT),
        (JSONL, None, None),
        (OPENAI, None, None),
        (PARQUET, "all", Keep(None, STRICT_BYTES, is_strict=True)),
        (JSONL, ("a", "b"), Keep(("a", "b"), STRICT_BYTES, is_strict=True)),
        (CSV, "none", None),
        (CSV, (), None),
    ],
)
def test_what_a_job_keeps(fmt: InputFormat, wanted: object, kept: Keep | None) -> None:
    spec = input_job(MemoryStore(), {"a": b""}, fmt, keep_columns=wanted)
    assert Keep.of(spec) == kept
    assert Keep.of(spec.model_copy(update={"retry_of": "s3://b/jobs/job-0000000000000002"})) is None
    assert Keep.of(spec.model_copy(update={"output_format": OutputFormat.OPENAI_BATCH})) is None


def test_a_limit_of_zero_bytes_keeps_nothing_by_default() -> None:
    assert Keep.of(input_job(MemoryStore(), {"a": b""}, CSV, {"keep_bytes": 0})) is None


def resolved(fmt: InputFormat, body: bytes, **request: object) -> object:
    store = MemoryStore()
    spec = input_job(store, {"a": body}, fmt, **request)
    return resolve_columns(spec.request, fmt, read_inputs(spec, store), store).keep_columns


BODIES = {
    PARQUET: table_bytes(pa.table({"prompt": ["a"], "category": ["x"]})),
    CSV: b"prompt,category\na,x\n",
    JSONL: b'{"prompt": "a", "category": "x"}\n{"prompt": "b", "more": 1}\n',
}


@pytest.mark.parametrize("fmt", BODIES)
def test_a_named_column_that_the_input_lacks_is_refused_with_the_nearest_name(fmt: InputFormat) -> None:
    assert resolved(fmt, BODIES[fmt], keep_columns=["category"]) == ("category",)
    with pytest.raises(RequestError, match=r"keep_columns: .*has no column 'categroy'.*Did you mean 'category'"):
        resolved(fmt, BODIES[fmt], keep_columns=["categroy"])


def test_all_keys_of_json_lines_are_those_of_the_first_rows() -> None:
    assert resolved(JSONL, BODIES[JSONL], keep_columns="all") == ("prompt", "category", "more")
    assert [resolved(fmt, BODIES[fmt], keep_columns="all") for fmt in (PARQUET, CSV)] == ["all", "all"]


@pytest.mark.parametrize("wanted", ["all", ["a"]])
def test_openai_lines_have_no_columns_neither_in_nor_out(wanted: object) -> None:
    with pytest.raises(RequestError, match="keep_columns: does not apply to OpenAI batch lines"):
        resolved(OPENAI, chat_line("a"), keep_columns=wanted)
    with pytest.raises(RequestError, match="keep_columns: does not apply to output as OpenAI batch lines"):
        resolved(CSV, BODIES[CSV], keep_columns=wanted, output_format="openai_batch")
    assert resolved(OPENAI, chat_line("a"), keep_columns="none") == "none"
