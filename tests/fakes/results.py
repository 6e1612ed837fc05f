"""Committed result shards, as the Ray job writes them."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.rows import META_KEY, RESULT_COLUMNS
from llmbatch.core.shards import ShardTally
from llmbatch.core.store import MemoryStore

SCHEMA = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in RESULT_COLUMNS])


def chat_body(text: str, model: str = "small", **message: object) -> dict:
    """The body of a chat completion as vLLM makes it, cut to what is read."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_893_456_000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }


def answer(row: dict) -> dict:
    """What the Ray room writes for a staged row: an answer, or the failure that staging found."""
    failed = row["error_class"] is not None
    return {
        **{name: row[name] for name in ("row_id", "custom_id", "line", "url", "error_class", "error")},
        "state": "failed" if failed else "succeeded",
        "response": None if failed else json.dumps(chat_body(f"answer {row['line']} ä"), ensure_ascii=False),
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
