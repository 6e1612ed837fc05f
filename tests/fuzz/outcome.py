"""What every input must come to: each record a row or a failed row with a reason, or the job refused."""

from __future__ import annotations

import time

from fakes.input_rows import input_job
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat
from llmbatch.core.rows import StagedRow
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.admission.sample import estimate_size
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.jobs.staged_shards import decode_shard, encode_shard
from llmbatch.orchestrator.staging.rows import UniqueIds, staged_rows

MOST_SECONDS = 30.0
"""Most processor time for one small input."""


def rows_or_refusal(body: bytes, fmt: InputFormat, **request: object) -> list[StagedRow] | RequestError:
    """Read an input as ``accept`` and ``stage`` do, check what holds for any, and return how it ended."""
    started = time.process_time()
    store = MemoryStore()
    spec = input_job(store, {"a.bin": body}, fmt, {"max_prompt_chars": 3000}, **request)
    objects = read_inputs(spec, store)
    estimate_size(spec, objects, store)
    unique = UniqueIds(spec)
    try:
        rows = list(unique.checked(staged_rows(spec, objects, store, RequestBuilder.of(spec)), objects))
    except RequestError as refusal:
        _check(refusal, objects[0].uri)
        return refusal
    finally:
        assert time.process_time() - started < MOST_SECONDS
    for row in rows:
        assert (row.error is None) == (row.error_class is None)
        assert row.error is None or row.error.startswith(f"line {row.line} of ")
    assert [row.line for row in rows] == sorted({row.line for row in rows})
    assert len({row.row_id for row in rows}) == len(rows)
    ids = [row.custom_id for row in rows if row.custom_id is not None and row.error is None]
    assert unique.repeats or len(set(ids)) == len(ids)
    assert decode_shard(encode_shard(rows)).num_rows == len(rows)
    return rows


def _check(refusal: RequestError, uri: str) -> None:
    assert refusal.field in {"input_uri", "csv.delimiter"}
    assert uri in refusal.problem
    assert refusal.fix
    assert len(str(refusal).encode()) < 30_000


def rows_of(body: bytes, fmt: InputFormat, **request: object) -> list[StagedRow]:
    """Return the rows of an input that must not be refused."""
    found = rows_or_refusal(body, fmt, **request)
    assert not isinstance(found, RequestError), found
    return found
