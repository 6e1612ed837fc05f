"""Staging: deterministic, create-only, resumable, bounded in memory."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.clock import ManualClock
from llmbatch.core.config import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import ErrorRateExceeded, InputChanged, ObjectExists, RequestError, StagedConflict, StoreError
from llmbatch.core.identity import row_id_of
from llmbatch.core.job_request import InputFormat, JobRequest, OutputFormat
from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.length_sums import unpack_rows
from llmbatch.core.rows import STAGED_COLUMNS, StagedRow
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, Sampling
from llmbatch.core.shards import StagedShard
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.jobs.staged_shards import cut_shards, decode_shard, encode_shard
from llmbatch.orchestrator.staging.custom_ids import CustomIds
from llmbatch.orchestrator.staging.stage import stage

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LINES = b"".join(b'{"prompt": "question %d", "id": %d}\n' % (number, number) for number in range(1000))


def spec_of(store: MemoryStore, *bodies: bytes, **request: object) -> JobSpec:
    infos = [store.put(f"s3://b/in/part-{index}.jsonl", body) for index, body in enumerate(bodies)]
    return JobSpec(
        job_id="job-0000000000000001",
        dag_id="d",
        run_id="r",
        root_uri="s3://b/jobs/job-0000000000000001",
        created_at=NOW,
        deadline=NOW,
        request=JobRequest(input_uri="s3://b/in/", **request),
        input_format=InputFormat.JSONL,
        output_format=OutputFormat.JSONL,
        output_uri="s3://b/out/",
        objects=tuple(InputObject(uri=info.uri, etag=info.etag, size=info.size) for info in infos),
        model_name="m",
        model_uri="hub/m",
        engine=EngineSettings(),
        staging=StagingConfig(shard_rows=64),
        heartbeat=HeartbeatConfig(),
    )


def staged_objects(store: MemoryStore) -> dict[str, bytes]:
    return {uri: body for uri, body in store.objects.items() if "/staged/shard-" in uri}


def test_shards_manifest_and_order() -> None:
    store = MemoryStore()
    spec = spec_of(store, LINES, b"", b'{"prompt": "last"}\n')
    manifest = stage(spec, store, ManualClock())
    assert manifest.rows == 1001
    assert [shard.rows for shard in manifest.shards] == [64] * 15 + [41]
    assert [shard.shard_id for shard in manifest.shards] == [f"shard-{number:05d}" for number in range(16)]
    ids = []
    for shard in manifest.shards:
        uri = spec.layout.staged_shard(shard.shard_id)
        assert shard.etag == store.head(uri).etag
        table = decode_shard(store.get(uri))
        assert [(field.name, str(field.type)) for field in table.schema] == [
            (name, {"int64": "int64"}.get(alias, alias)) for name, alias in STAGED_COLUMNS
        ]
        assert shard.input_chars == sum(table["input_chars"].to_pylist())
        ids += table["row_id"].to_pylist()
    assert ids == [row_id_of(0, line) for line in range(1, 1001)] + [row_id_of(2, 1)]
    assert json.loads(store.get(spec.layout.staged_manifest))["job_id"] == spec.job_id


def test_a_shard_stores_the_answer_limit_of_each_row() -> None:
    store = MemoryStore()
    lines = [
        {"custom_id": "own", "prompt": 'not the limit: "sampling":{"max_tokens":5}', "sampling": {"max_tokens": 64}},
        {"custom_id": "seeded", "prompt": "a", "sampling": {"max_tokens": 9, "seed": 1}},
        {"custom_id": "default", "prompt": "b"},
        {"custom_id": "own", "prompt": "used twice", "sampling": {"max_tokens": 64}},
        {"custom_id": "blank", "prompt": ""},
    ]
    spec = spec_of(store, "\n".join(json.dumps(line) for line in lines).encode(), max_error_rate=1)
    stage(spec, store, ManualClock())
    table = decode_shard(store.get(spec.layout.staged_shard("shard-00000")))
    assert table["max_tokens"].to_pylist() == [64, 9, DEFAULT_MAX_TOKENS, None, None]
    assert [json.loads(text)["sampling"]["max_tokens"] for text in table["request"].to_pylist()[:3]] == [64, 9, 256]


def test_a_shard_has_the_lengths_of_the_rows_that_reach_an_engine() -> None:
    store = MemoryStore()
    prompts = ["a" * 100, "b" * 100, "c" * 141, "d" * 1000, ""]
    limits = [60, 64, 64, 64, 64]
    lines = [json.dumps({"prompt": p, "sampling": {"max_tokens": n}}) for p, n in zip(prompts, limits, strict=True)]
    lines.append(json.dumps({"prompt": "e" * 100, "sampling": {"max_tokens": 512}}))
    manifest = stage(spec_of(store, "\n".join(lines).encode(), max_error_rate=1), store, ManualClock())
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
        spec = spec_of(store := MemoryStore(), body, sampling=Sampling(max_tokens=own), **more)
        (shard,) = stage(spec, store, ManualClock()).shards
        assert {limit for _, (_, _, limit) in unpack_rows(shard.lengths)} == {70, most}


def test_a_large_manifest_stays_small() -> None:
    """A hundred thousand shards of rows of all sizes: at most 35 MB to write and to read."""
    store = MemoryStore()
    body = b"".join(b'{"prompt": "%s"}\n' % (b"x" * (20 + 37 * (n % 64))) for n in range(64 * 10))
    spec = spec_of(store, body)
    stage(spec, store, ManualClock())
    assert len(store.get(spec.layout.staged_manifest)) / 10 < 350


def test_twice_gives_identical_bytes() -> None:
    stores = MemoryStore(), MemoryStore()
    for store in stores:
        stage(spec_of(store, LINES), store, ManualClock())
    assert staged_objects(stores[0]) == staged_objects(stores[1])


class _FailingStore(MemoryStore):
    """Counts creations, and refuses them after a limit."""

    def __init__(self, allowed: int) -> None:
        super().__init__()
        self.allowed = allowed
        self.created = 0

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        if self.created >= self.allowed:
            raise StoreError("down")
        self.created += 1
        return super().create(uri, body)


def test_retry_after_partial_staging_keeps_what_is_there() -> None:
    store = _FailingStore(allowed=7)
    spec = spec_of(store, LINES)
    with pytest.raises(StoreError, match="down"):
        stage(spec, store, ManualClock())
    before = staged_objects(store)
    assert len(before) == 7
    store.allowed, store.created = 1000, 0
    manifest = stage(spec, store, ManualClock())
    assert store.created == len(manifest.shards) - 7 + 1
    assert {uri: store.objects[uri] for uri in before} == before
    whole = MemoryStore()
    stage(spec_of(whole, LINES), whole, ManualClock())
    assert staged_objects(store) == staged_objects(whole)


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
    manifest = stage(spec_of(store, LINES), store, ManualClock())
    assert manifest.rows == 1000
    assert all(shard.etag.endswith("-1") for shard in manifest.shards)


def test_a_shard_with_the_same_rows_in_other_bytes_is_kept() -> None:
    store = MemoryStore()
    spec = spec_of(store, LINES)
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


def test_finished_stage_does_not_read_the_input() -> None:
    store = MemoryStore()
    spec = spec_of(store, LINES)
    manifest = stage(spec, store, ManualClock())
    del store.objects[spec.objects[0].uri]
    assert stage(spec, store, ManualClock()) == manifest


def test_input_that_changed() -> None:
    store = MemoryStore()
    spec = spec_of(store, LINES)
    store.put(spec.objects[0].uri, LINES + b"{}")
    with pytest.raises(InputChanged):
        stage(spec, store, ManualClock())


@pytest.mark.parametrize("body", [b"", b"\n \n\r\n"])
def test_no_rows(body: bytes) -> None:
    store = MemoryStore()
    with pytest.raises(RequestError, match="holds no row"):
        stage(spec_of(store, body), store, ManualClock())


def test_too_many_invalid_rows_and_again_on_retry() -> None:
    store = MemoryStore()
    spec = spec_of(store, b'{"prompt": "a"}\n{"prompt": null}\n' * 100, max_error_rate=0.4)
    for _ in range(2):
        with pytest.raises(ErrorRateExceeded, match=r"100 of 200 .* line 2 of part-0.jsonl: `prompt` is null"):
            stage(spec, store, ManualClock())
        assert spec.layout.staged_manifest in store.objects
    store = MemoryStore()
    spec = spec_of(store, b'{"prompt": "a"}\n{"prompt": null}\n' * 100, max_error_rate=0.5)
    assert stage(spec, store, ManualClock()).invalid_rows == 100


@given(
    sizes=st.lists(st.integers(0, 400), max_size=200),
    max_rows=st.integers(1, 50),
    max_bytes=st.integers(100, 2000),
)
def test_every_row_in_exactly_one_shard_in_order(sizes: list[int], max_rows: int, max_bytes: int) -> None:
    rows = [
        StagedRow(row_id_of(0, line), None, line, "chat", "é" * size, 0, None, None, None)
        for line, size in enumerate(sizes)
    ]
    shards = list(cut_shards(iter(rows), max_rows, max_bytes))
    assert [row for shard in shards for row in shard] == rows
    for shard in shards:
        size = sum(2 * len(row.request) + 64 for row in shard)
        assert 1 <= len(shard) <= max_rows
        assert size <= max_bytes or len(shard) == 1
    for left, right in pairwise(shards):
        grown = sum(2 * len(row.request) + 64 for row in [*left, right[0]])
        assert len(left) == max_rows or grown > max_bytes


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3)))
def test_custom_ids_behave_like_a_dictionary(names: list[str]) -> None:
    seen: dict[str, str] = {}
    with CustomIds() as ids:
        for index, name in enumerate(names):
            assert ids.first_use(name, str(index)) == seen.get(name)
            seen.setdefault(name, str(index))


_MEMORY_SCRIPT = """
import resource, sys
sys.path.insert(0, {tests!r})
from test_stage import *

class Stream:
    '''A body that is made while it is read.'''
    def __init__(self, rows):
        self.parts, self.buffer = self.make(rows), b""
    def make(self, rows):
        for start in range(0, rows, 1000):
            yield b"".join(line(number) for number in range(start, start + 1000))
    def read(self, size):
        while len(self.buffer) < size:
            part = next(self.parts, None)
            if part is None:
                break
            self.buffer += part
        out, self.buffer = self.buffer[:size], self.buffer[size:]
        return out
    def close(self):
        pass

def line(number):
    return b'{{"id": "row-%08d", "prompt": "' % number + b"lorem ipsum dolor " * 30 + b'"}}\\n'

class Store(MemoryStore):
    def create(self, uri, body):
        return ObjectInfo(uri, "etag", len(body))  # thrown away: only staging's own memory counts
    def open_stream(self, uri, etag):
        return Stream(rows)

def run():
    store = Store()
    spec = spec_of(store, b"")
    big = spec.objects[0].model_copy(update={{"size": len(line(0)) * rows}})
    return stage(spec.model_copy(update={{"objects": (big,)}}), store, ManualClock()).rows

rows = 2000
run()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = 200_000
assert run() == rows
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture
def memory_script() -> str:
    return _MEMORY_SCRIPT.format(tests=str(Path(__file__).parent))


def test_memory_does_not_grow_with_the_input(memory_script: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", memory_script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    grown_mib = int(done.stdout.split()[-1]) / 1024
    assert grown_mib < 60, f"the input has 115 MB, memory grew by {grown_mib:.0f} MiB"
