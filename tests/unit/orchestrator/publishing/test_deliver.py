"""Delivery: dead letters and output files, and nothing else."""

from __future__ import annotations

from pathlib import Path

from fakes.answered_jobs import answered, staged_job
from llmbatch.core.manifest import OutputRecord
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.publishing.deliver import deliver
from llmbatch.orchestrator.publishing.reconcile import reconcile


def test_delivery_writes_dead_letters_and_output_files_only(tmp_path: Path) -> None:
    spec, store = staged_job()
    answered(spec, store)
    staged = load_staged(spec, store)
    assert staged is not None
    reconciled = reconcile(spec, store, staged, tmp_path)
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
