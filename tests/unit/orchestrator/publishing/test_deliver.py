"""Delivery: dead letters and output files, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.answered_jobs import answered, staged_job
from fakes.meeting_store import MeetingStore
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import OutputRecord
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.publishing import parts
from llmbatch.orchestrator.publishing.deliver import deliver
from llmbatch.orchestrator.publishing.reconcile import Reconciled, reconcile


def reconciled_job(spec: JobSpec, store: MemoryStore, folder: Path) -> Reconciled:
    staged = load_staged(spec, store)
    assert staged is not None
    return reconcile(spec, store, staged, folder)


def test_delivery_writes_dead_letters_and_output_files_only(tmp_path: Path) -> None:
    spec, store = staged_job()
    answered(spec, store)
    reconciled = reconciled_job(spec, store, tmp_path)
    before = set(store.objects)
    outputs = deliver(spec, store, reconciled)
    results, failed, dead = (
        "s3://b/out/results.jsonl",
        "s3://b/out/failed.jsonl",
        spec.layout.failed_shard("shard-00002"),
    )
    assert store.objects.keys() - before == {results, failed, dead}
    assert outputs == (
        OutputRecord(uri=results, rows=9, etag=store.head(results).etag),
        OutputRecord(uri=failed, rows=1, etag=store.head(failed).etag),
    )
    after = dict(store.objects)
    assert deliver(spec, store, reconciled) == outputs
    assert store.objects == after


def test_dead_letters_are_written_several_at_a_time(tmp_path: Path) -> None:
    spec, plain = staged_job(body=(b"broken\n" + b'{"prompt": "a"}\n' * 3) * 3)
    answered(spec, plain)
    reconciled = reconciled_job(spec, plain, tmp_path)
    assert len(reconciled.dead) == 3
    store = MeetingStore("/failed/", 3)
    store.objects.update(plain.objects)
    deliver(spec, store, reconciled)
    assert sorted(uri for uri in store.objects if "/failed/" in uri) == [
        spec.layout.failed_shard(f"shard-0000{n}") for n in range(3)
    ]


def test_every_part_is_delivered_and_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1)
    spec, store = staged_job()
    answered(spec, store)
    outputs = deliver(spec, store, reconciled_job(spec, store, tmp_path))
    assert [(record.uri, record.rows) for record in outputs] == [
        *((f"s3://b/out/results-0000{n}.jsonl", rows) for n, rows in enumerate([4, 4, 1])),
        ("s3://b/out/failed.jsonl", 1),
    ]
    assert [store.get(record.uri).count(b"\n") for record in outputs] == [4, 4, 1, 1]


def test_parts_of_an_earlier_attempt_are_removed_and_nothing_else(tmp_path: Path) -> None:
    spec, store = staged_job(body=b'{"prompt": "a"}\n' * 10)
    answered(spec, store)
    stale = ["results-00000.jsonl", "results-00007.jsonl", "failed.jsonl", "failed-00001.jsonl"]
    kept = ["results-00000.parquet", "results-of-mine.jsonl", "failed-1.jsonl", "results/failed.jsonl", "x.jsonl"]
    for name in (*stale, *kept):
        store.put(f"s3://b/out/{name}", b"old")
    deliver(spec, store, reconciled_job(spec, store, tmp_path))
    left = {uri.removeprefix("s3://b/out/") for uri in store.objects if uri.startswith("s3://b/out/")}
    assert left == {*kept, "results.jsonl"}
