"""Staging: deterministic, create-only, resumable, bounded in memory."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.input_rows import LINES, chat_line, input_job, jsonl_job, user
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ErrorRateExceeded, InputChanged, RequestError, StoreError
from llmbatch.core.identity import row_id_of
from llmbatch.core.input_list import InputList
from llmbatch.core.job_spec import InputObject
from llmbatch.core.request_options import InputFormat
from llmbatch.core.rows import STAGED_COLUMNS
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.jobs.staged_shards import decode_shard
from llmbatch.orchestrator.staging.stage import stage


def staged_objects(store: MemoryStore) -> dict[str, bytes]:
    return {uri: body for uri, body in store.objects.items() if "/staged/shard-" in uri}


def test_shards_manifest_and_order() -> None:
    store = MemoryStore()
    spec = jsonl_job(store, LINES, b"", b'{"prompt": "last"}\n')
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
    spec = jsonl_job(
        store, "\n".join(json.dumps(line) for line in lines).encode(), max_error_rate=1, id_column="custom_id"
    )
    stage(spec, store, ManualClock())
    table = decode_shard(store.get(spec.layout.staged_shard("shard-00000")))
    assert table["answer_limit"].to_pylist() == [64, 9, DEFAULT_MAX_TOKENS, 0, 0]
    bodies = [json.loads(text) for text in table["request"].to_pylist()[:3]]
    assert [body.get("max_tokens", body.get("max_completion_tokens")) for body in bodies] == [64, 9, 256]


def test_rows_that_name_another_model_are_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    lines = [chat_line(name, user("hi", model=name)) for name in ("m", "gpt-4o", "gpt-4o-mini", "bad")]
    lines[3] = lines[3].replace(b'"hi"', b'""')
    spec = input_job(store, {"a": b"\n".join(lines)}, InputFormat.OPENAI_BATCH, max_error_rate=1)
    with caplog.at_level(logging.WARNING):
        assert stage(spec, store, ManualClock()).foreign_models == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"event=foreign_models job_id={spec.job_id} rows=2 "
        "reason=rows of the input name another model, and m answers them; strict_model fails them"
    ]


def test_a_strict_job_fails_rows_that_name_another_model() -> None:
    store = MemoryStore()
    lines = b"\n".join(chat_line(name, user("hi", model=name)) for name in ("m", "gpt-4o"))
    spec = input_job(store, {"a": lines}, InputFormat.OPENAI_BATCH, max_error_rate=1, strict_model=True)
    manifest = stage(spec, store, ManualClock())
    assert (manifest.invalid_rows, manifest.foreign_models) == (1, 0)


def test_another_list_of_the_input_than_the_accepted_one_is_not_staged() -> None:
    store = MemoryStore()
    spec = jsonl_job(store, b'{"prompt": "mine"}\n')
    other = store.put("s3://b/other.jsonl", b'{"prompt": "foreign"}\n')
    foreign = InputList.of([InputObject(uri=other.uri, etag=other.etag, size=other.size)])
    store.put(spec.layout.inputs(spec.inputs.sha256), foreign.encode())
    with pytest.raises(StoreError, match=f"{spec.job_id} was accepted with"):
        stage(spec, store, ManualClock())
    assert not list(store.list(spec.layout.staged))


def test_a_large_manifest_stays_small() -> None:
    """A hundred thousand shards of rows of all sizes: at most 35 MB to write and to read."""
    store = MemoryStore()
    body = b"".join(b'{"prompt": "%s"}\n' % (b"x" * (20 + 37 * (n % 64))) for n in range(64 * 20))
    spec = jsonl_job(store, body)
    stage(spec, store, ManualClock())
    assert len(store.get(spec.layout.staged_manifest)) / 20 < 350


def test_twice_gives_identical_bytes() -> None:
    stores = MemoryStore(), MemoryStore()
    for store in stores:
        stage(jsonl_job(store, LINES), store, ManualClock())
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
    spec = jsonl_job(store, LINES)
    with pytest.raises(StoreError, match="down"):
        stage(spec, store, ManualClock())
    before = staged_objects(store)
    assert len(before) == 7
    store.allowed, store.created = 1000, 0
    manifest = stage(spec, store, ManualClock())
    assert store.created == len(manifest.shards) - 7 + 1
    assert {uri: store.objects[uri] for uri in before} == before
    whole = MemoryStore()
    stage(jsonl_job(whole, LINES), whole, ManualClock())
    assert staged_objects(store) == staged_objects(whole)


def test_finished_stage_does_not_read_the_input() -> None:
    store = MemoryStore()
    spec = jsonl_job(store, LINES)
    manifest = stage(spec, store, ManualClock())
    del store.objects[read_inputs(spec, store)[0].uri]
    assert stage(spec, store, ManualClock()) == manifest


def test_input_that_changed() -> None:
    store = MemoryStore()
    spec = jsonl_job(store, LINES)
    store.put(read_inputs(spec, store)[0].uri, LINES + b"{}")
    with pytest.raises(InputChanged):
        stage(spec, store, ManualClock())


@pytest.mark.parametrize("body", [b"", b"\n \n\r\n"])
def test_no_rows(body: bytes) -> None:
    store = MemoryStore()
    with pytest.raises(RequestError, match="holds no row"):
        stage(jsonl_job(store, body), store, ManualClock())


def test_too_many_invalid_rows_and_again_on_retry() -> None:
    store = MemoryStore()
    spec = jsonl_job(store, b'{"prompt": "a"}\n{"prompt": null}\n' * 100, max_error_rate=0.4)
    for _ in range(2):
        with pytest.raises(ErrorRateExceeded, match=r"100 of 200 .* line 2 of part-0.jsonl: `prompt` is null"):
            stage(spec, store, ManualClock())
        assert spec.layout.staged_manifest in store.objects
    store = MemoryStore()
    spec = jsonl_job(store, b'{"prompt": "a"}\n{"prompt": null}\n' * 100, max_error_rate=0.5)
    assert stage(spec, store, ManualClock()).invalid_rows == 100


_MEMORY_SCRIPT = """
import resource, sys
sys.path.insert(0, {tests!r})
from dataclasses import replace
from fakes.job_inputs import put_inputs
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
    spec = jsonl_job(store, b"", keep_columns={keep!r})
    info = replace(next(store.list("s3://b/in/")), size=len(line(0)) * rows)
    inputs = put_inputs(store, spec.root_uri, [info])
    return stage(spec.model_copy(update={{"inputs": inputs}}), store, ManualClock()).rows

rows = 2000
run()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = 200_000
assert run() == rows
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("keep", [None, ["id", "prompt"]])
def test_memory_does_not_grow_with_the_input(keep: list[str] | None) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _MEMORY_SCRIPT.format(tests=str(Path(__file__).parent), keep=keep)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    grown_mib = int(done.stdout.split()[-1]) / 1024
    assert grown_mib < 60, f"the input has 115 MB, memory grew by {grown_mib:.0f} MiB"


def test_a_sample_is_staged_alone_and_the_manifest_says_of_how_many_rows() -> None:
    store = MemoryStore()
    spec = jsonl_job(store, LINES, b'{"prompt": "last"}\n', sample_rows=100)
    manifest = stage(spec, store, ManualClock())
    assert (manifest.rows, manifest.sampled_of) == (100, 1001)
    first = staged_objects(store)
    again = MemoryStore()
    assert stage(jsonl_job(again, LINES, b'{"prompt": "last"}\n', sample_rows=100), again, ManualClock()).rows == 100
    assert staged_objects(again) == first


def test_a_whole_input_is_no_sample() -> None:
    store = MemoryStore()
    assert stage(jsonl_job(store, LINES), store, ManualClock()).sampled_of is None
