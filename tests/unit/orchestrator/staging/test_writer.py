"""Shards are written once, with the lengths of their rows."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.input_rows import LINES, jsonl_job
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ObjectExists, StagedConflict
from llmbatch.core.length_sums import unpack_rows
from llmbatch.core.rows import StagedRow
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, Sampling
from llmbatch.core.shards import StagedShard
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.jobs.staged_shards import decode_shard, encode_shard
from llmbatch.orchestrator.staging.stage import stage


def test_a_shard_has_the_lengths_of_the_rows_that_reach_an_engine() -> None:
    store = MemoryStore()
    prompts = ["a" * 100, "b" * 100, "c" * 141, "d" * 1000, ""]
    limits = [60, 64, 64, 64, 64]
    lines = [json.dumps({"prompt": p, "sampling": {"max_tokens": n}}) for p, n in zip(prompts, limits, strict=True)]
    lines.append(json.dumps({"prompt": "e" * 100, "sampling": {"max_tokens": 512}}))
    manifest = stage(jsonl_job(store, "\n".join(lines).encode(), max_error_rate=1), store, ManualClock())
    (shard,) = manifest.shards
    assert (shard.rows, shard.invalid_rows) == (6, 1)
    assert list(unpack_rows(shard.lengths)) == [
        ((13, 12), (2, 200, 64)), ((13, 18), (1, 100, 512)), ((14, 12), (1, 141, 64)), ((20, 12), (1, 1000, 64)),
    ]  # fmt: skip
    assert StagedShard.model_validate_json(shard.model_dump_json()) == shard


def test_a_shard_has_the_answer_limits_whatever_the_prompts_contain() -> None:
    forged = {"prompt": '"sampling":{"max_tokens":9999}', "sampling": {"stop": ['"max_tokens":8888'], "max_tokens": 70}}
    lines = [json.dumps(line) for line in (forged, {"prompt": "x"}, {"prompt": None, "sampling": {"max_tokens": 600}})]
    body = "\n".join(lines).encode()
    schema = {"type": "object", "properties": {"sampling": {"max_tokens": 7777}}}
    more = {"output_schema": schema, "max_error_rate": 1}
    for own, most in ((50, 50), (None, DEFAULT_MAX_TOKENS)):
        spec = jsonl_job(store := MemoryStore(), body, sampling=Sampling(max_tokens=own), **more)
        (shard,) = stage(spec, store, ManualClock()).shards
        assert {limit for _, (_, _, limit) in unpack_rows(shard.lengths)} == {70, most}


class _RacingStore(MemoryStore):
    """Another attempt writes each shard between the listing and the write of this one; its ETags are not MD5."""

    def head(self, uri: str) -> ObjectInfo:
        info = super().head(uri)
        return ObjectInfo(info.uri, f"{info.etag}-1", info.size) if "/staged/" in uri else info

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        self.objects.setdefault(uri, body)
        raise ObjectExists(uri)


def test_a_shard_written_by_a_race_is_compared_by_bytes() -> None:
    store = _RacingStore()
    manifest = stage(jsonl_job(store, LINES), store, ManualClock())
    assert manifest.rows == 1000
    assert all(shard.etag.endswith("-1") for shard in manifest.shards)


def test_a_shard_with_the_same_rows_in_other_bytes_is_kept() -> None:
    store = MemoryStore()
    spec = jsonl_job(store, LINES)
    row = StagedRow("00000-000000001", "0", 1, "chat", "", 0, None, None, None)
    stage(spec, store, ManualClock())
    uri = spec.layout.staged_shard("shard-00000")
    table = decode_shard(store.get(uri))
    with_other_codec = _parquet(table)
    store.put(uri, with_other_codec)
    del store.objects[spec.layout.staged_manifest]
    manifest = stage(spec, store, ManualClock())
    assert store.objects[uri] == with_other_codec
    assert manifest.shards[0].etag == store.head(uri).etag
    store.put(uri, encode_shard([row]))
    del store.objects[spec.layout.staged_manifest]
    with pytest.raises(StagedConflict, match=r"shard-00000\.parquet was staged before with other rows"):
        stage(spec, store, ManualClock())


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="none")
    return sink.getvalue()
