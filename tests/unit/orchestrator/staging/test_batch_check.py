"""A batch is checked as a whole: every bad line is listed, and then nothing is staged."""

from __future__ import annotations

import gzip
import json

import pytest

from fakes.input_rows import CHAT, input_job, user
from llmbatch.core.batch_errors import BatchErrors, batch_errors_uri
from llmbatch.core.clock import ManualClock
from llmbatch.core.config import Config
from llmbatch.core.errors import BatchInvalid, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.staging.batch_check import check_batch
from llmbatch.orchestrator.staging.stage import stage

EMBED = "/v1/embeddings"


def line(custom_id: str, url: str = CHAT, **body: object) -> bytes:
    given = user("hi", model="m") if url == CHAT else {"model": "m", "input": "hi"}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": {**given, **body}}).encode()


def config(rows: int = 50_000) -> Config:
    return Config.model_validate(
        {"default_model": "m", "models": {"m": {"uri": "hub/m"}}, "gateway": {"batch_rows": rows}}
    )


def batch(store: MemoryStore, body: bytes, endpoint: str | None = CHAT) -> JobSpec:
    return input_job(store, {"a.jsonl": body}, InputFormat.OPENAI_BATCH, max_error_rate=1, batch_endpoint=endpoint)


def found(body: bytes, endpoint: str = CHAT, rows: int = 50_000) -> list[tuple[str, str | None, int | None]]:
    store = MemoryStore()
    spec = batch(store, body, endpoint)
    with pytest.raises(BatchInvalid):
        check_batch(spec, config(rows), store, ManualClock())
    kept = BatchErrors.model_validate_json(store.get(batch_errors_uri(spec.layout)))
    assert kept.count == len(kept.errors)
    assert not [uri for uri in store.objects if "/staged/" in uri]
    return [(error.code, error.param, error.line) for error in kept.errors]


def test_every_bad_line_is_listed_with_its_physical_line() -> None:
    lines = [line("a"), b"", b"broken", line("b", stream=True), b"  ", line("a"), line("c"), b"{}"]
    assert found(b"\r\n".join(lines)) == [
        ("invalid_json_line", None, 3),
        ("streaming_unsupported", "body.stream", 4),
        ("duplicate_custom_id", "custom_id", 6),
        ("missing_required_parameter", "custom_id", 8),
    ]


def test_the_error_names_count_and_first_line() -> None:
    store = MemoryStore()
    spec = batch(store, line("a") + b"\nbroken\n{}\n")
    with pytest.raises(BatchInvalid, match=r"2 problems, the first one in line 2: This line is not parseable") as error:
        check_batch(spec, config(), store, ManualClock())
    assert batch_errors_uri(spec.layout) in str(error.value)
    assert not error.value.retryable


@pytest.mark.parametrize("body", [b"\n", b" \n\n", b"\xef\xbb\xbf\n"])
def test_a_file_without_a_request_is_empty(body: bytes) -> None:
    assert found(body) == [("empty_file", "file_id", None)]


def test_a_good_batch_passes_and_is_staged() -> None:
    store = MemoryStore()
    spec = batch(store, b"\xef\xbb\xbf" + line("a") + b"\n\n" + line("b", temperature="hot"))
    check_batch(spec, config(), store, ManualClock())
    staged = stage(spec, store, ManualClock())
    assert (staged.rows, staged.invalid_rows) == (2, 1)


def test_more_than_a_thousand_errors_are_counted_and_not_kept() -> None:
    store = MemoryStore()
    spec = batch(store, b"{}\n" * 1500)
    with pytest.raises(BatchInvalid, match="1500 problems"):
        check_batch(spec, config(), store, ManualClock())
    kept = BatchErrors.model_validate_json(store.get(batch_errors_uri(spec.layout)))
    assert (kept.count, len(kept.errors), kept.errors[-1].line) == (1500, 1000, 1000)


def test_50_000_rows_are_accepted_and_50_001_refused() -> None:
    rows = [line(str(number)) for number in range(50_001)]
    store = MemoryStore()
    check_batch(batch(store, b"\n".join(rows[:-1])), config(), store, ManualClock())
    assert found(b"\n".join(rows)) == [("too_many_tasks", None, None)]


def test_50_000_embedding_inputs_are_accepted_and_50_001_refused() -> None:
    many = line("a", EMBED, input=["x"] * 49_999)
    store = MemoryStore()
    check_batch(batch(store, many + b"\n" + line("b", EMBED), EMBED), config(), store, ManualClock())
    assert found(many + b"\n" + line("b", EMBED, input=["x", "y"]), EMBED) == [("too_many_tasks", None, None)]


def test_lines_after_too_many_are_not_read() -> None:
    assert found(line("a") + b"\nbroken\n" * 5, rows=2) == [
        ("invalid_json_line", None, 2),
        ("too_many_tasks", None, None),
    ]


@pytest.mark.parametrize("body", [b"PAR1....", gzip.compress(line("a") * 9)[:-20]])
def test_a_file_that_cannot_be_read_is_invalid(body: bytes) -> None:
    assert ("invalid_request", "file_id", None) in found(body)


def test_a_file_that_is_gone_is_invalid() -> None:
    store = MemoryStore()
    spec = batch(store, line("a"))
    store.delete("s3://b/in/a.jsonl")
    with pytest.raises(BatchInvalid, match="deleted or replaced"):
        check_batch(spec, config(), store, ManualClock())


def test_other_jobs_and_staged_ones_are_left_alone() -> None:
    store = MemoryStore()
    check_batch(batch(store, b"broken", None), config(), store, ManualClock())
    spec = batch(store, line("a"))
    stage(spec, store, ManualClock())
    store.delete("s3://b/in/a.jsonl")
    check_batch(spec, config(), store, ManualClock())


def test_a_store_that_fails_is_no_problem_of_the_batch() -> None:
    class Down(MemoryStore):
        def put(self, uri: str, body: bytes):  # type: ignore[no-untyped-def]
            if uri.endswith("batch_errors.json"):
                raise StoreError("down")
            return super().put(uri, body)

    store = Down()
    spec = batch(store, b"broken")
    with pytest.raises(StoreError):
        check_batch(spec, config(), store, ManualClock())
