"""Committed result shards, as the Ray job writes them."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.rows import META_KEY, RESULT_COLUMNS
from llmbatch.core.shards import ShardTally
from llmbatch.core.store import MemoryStore

SCHEMA = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in RESULT_COLUMNS])


def answer(row: dict) -> dict:
    """What the Ray room writes for a staged row: an answer, or the failure that staging found."""
    failed = row["error_class"] is not None
    return {
        **{name: row[name] for name in ("row_id", "custom_id", "line", "kind", "error_class", "error")},
        "state": "failed" if failed else "succeeded",
        "text": None if failed else f"answer {row['line']} ä",
        "finish_reason": None if failed else "stop",
        "prompt_tokens": 0 if failed else 3,
        "completion_tokens": 0 if failed else 5,
        "cached_tokens": 0 if failed else 1,
        "seconds": 0.5,
        "attempts": 0 if failed else 1,
        "request": row["request"] if failed else None,
    }


def put_result(
    spec: JobSpec, store: MemoryStore, shard_id: str, rows: list[dict], model: str = "", digest: str = ""
) -> None:
    tally = ShardTally(
        shard_id=shard_id, generation=2, rows=len(rows), succeeded=len(rows), failed=0, model=model, model_digest=digest
    )
    sink = io.BytesIO()
    table = pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata({META_KEY: tally.model_dump_json().encode()}))
    pq.write_table(table, sink)
    store.put(spec.layout.result_shard(shard_id), sink.getvalue())
