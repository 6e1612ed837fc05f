"""Reconciling: a value with every row counted once, and nothing written to the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.answered_jobs import INPUT, answered, staged_job
from llmbatch.core.errors import ReconcileError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.publishing.reconcile import Reconciled, reconcile


def reconciled(spec: JobSpec, store: MemoryStore, folder: Path) -> Reconciled:
    staged = load_staged(spec, store)
    assert staged is not None
    return reconcile(spec, store, staged, folder)


def test_a_reconciled_job_has_totals_shards_dead_shards_and_local_files(tmp_path: Path) -> None:
    spec, store = staged_job()
    answered(spec, store)
    before = dict(store.objects)
    found = reconciled(spec, store, tmp_path)
    assert (found.rows.input, found.rows.succeeded, found.rows.failed, found.invalid_rows) == (10, 9, 1, 1)
    assert (found.tokens.prompt, found.tokens.completion, found.models) == (27, 45, {"small": 9})
    assert [(shard.shard_id, shard.rows) for shard in found.shards] == [
        ("shard-00000", 4), ("shard-00001", 4), ("shard-00002", 2),
    ]  # fmt: skip
    assert found.dead == found.shards[2:]
    assert [(file.name, file.rows) for file in found.files] == [("results.jsonl", 9), ("failed.jsonl", 1)]
    assert [len(file.path.read_text().splitlines()) for file in found.files] == [9, 1]
    assert store.objects == before


def test_without_failed_rows_there_is_one_file_and_no_dead_shard(tmp_path: Path) -> None:
    spec, store = staged_job(OutputFormat.PARQUET, INPUT.replace(b"broken", b'{"prompt": "ok"}'))
    answered(spec, store)
    found = reconciled(spec, store, tmp_path)
    assert (found.dead, [file.name for file in found.files]) == ((), ["results.parquet"])


def test_a_missing_shard_gives_no_value(tmp_path: Path) -> None:
    spec, store = staged_job()
    answered(spec, store)
    del store.objects[spec.layout.result_shard("shard-00001")]
    with pytest.raises(ReconcileError, match=r"shard-00001 \(no committed result\)"):
        reconciled(spec, store, tmp_path)
