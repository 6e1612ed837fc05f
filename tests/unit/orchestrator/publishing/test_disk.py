"""A disk that is too small for the results: a clear error, and nothing is delivered."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from fakes.answered_jobs import NOW, answered, staged_job
from fakes.retries import accepted, finished, put_answers, store_with_input
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import DiskFull
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.publishing.disk import require_space, within_space
from llmbatch.orchestrator.publishing.files import JsonLinesFile, output_uri
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.publishing.reconcile import reconcile
from llmbatch.orchestrator.publishing.redeliver import delivered_to, redeliver
from llmbatch.orchestrator.staging.stage import stage


def free(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=number))


@pytest.mark.parametrize(
    ("output_format", "has_bodies", "share"),
    [
        (OutputFormat.OPENAI_BATCH, False, 1.0),
        (OutputFormat.JSONL, True, 1.0),
        (OutputFormat.PARQUET, True, 0.5),
        (OutputFormat.JSONL, False, 0.1),
        (OutputFormat.PARQUET, False, 0.05),
    ],
)
def test_room_is_compared_with_what_is_committed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, output_format: OutputFormat, has_bodies: bool, share: float
) -> None:
    spec, store = staged_job(output_format)
    spec = spec.model_copy(update={"request": spec.request.model_copy(update={"response_column": has_bodies})})
    answered(spec, store)
    committed = sum(info.size for info in store.list(spec.layout.results))
    needed = int(committed * share)
    free(needed, monkeypatch)
    require_space(spec, spec, store, tmp_path)
    free(needed - 1, monkeypatch)
    with pytest.raises(DiskFull) as caught:
        require_space(spec, spec, store, tmp_path)
    assert (caught.value.folder, caught.value.needed, caught.value.free) == (str(tmp_path), needed, needed - 1)
    assert caught.value.retryable
    assert f"{spec.job_id}: the results need more than {needed} bytes in {tmp_path}, where {needed - 1}" in str(
        caught.value
    )


def test_a_job_without_room_delivers_nothing_and_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, store = staged_job()
    answered(spec, store)
    with monkeypatch.context() as full:
        free(10, full)
        with pytest.raises(DiskFull):
            publish(spec, store, ManualClock(NOW))
    assert not list(store.list("s3://b/out/"))
    assert publish(spec, store, ManualClock(NOW)).rows.input == 10


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_on_the_way_is_the_same_error(tmp_path: Path, code: int) -> None:
    spec, _ = staged_job()
    (tmp_path / "results.jsonl").write_bytes(b"x" * 7)
    with pytest.raises(DiskFull, match="need more than 7 bytes"), within_space(spec, tmp_path):
        raise OSError(code, os.strerror(code))


def test_results_that_do_not_fit_are_the_same_error(tmp_path: Path) -> None:
    """The kernel's own error: ``/dev/full`` takes no byte."""
    spec, store = staged_job()
    answered(spec, store)
    staged = load_staged(spec, store)
    assert staged is not None
    (tmp_path / "results-00000.jsonl").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match=spec.job_id):
        reconcile(spec, store, staged, tmp_path)


@pytest.mark.parametrize("write", [lambda spec, store: publish(spec, store, ManualClock(NOW)), redeliver])
def test_a_disk_that_fills_up_on_the_way_delivers_nothing_and_the_job_can_be_repeated(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[JobSpec, ObjectStore], object]
) -> None:
    spec, store = staged_job()
    answered(spec, store)
    if write is redeliver:
        publish(spec, store, ManualClock(NOW))
        store.put(spec.layout.spec, spec.model_dump_json().encode())
        spec = delivered_to(spec, "s3://b/second")
    before = dict(store.objects)

    def full(file: JsonLinesFile, table: pa.Table) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(JsonLinesFile, "append", full)
        with pytest.raises(DiskFull, match="clear the task"):
            write(spec, store)
    assert store.objects == before
    write(spec, store)
    assert store.get(output_uri(spec, "results.jsonl")).count(b"\n") == 9


def test_a_retry_needs_the_room_of_the_merged_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_with_input()
    first = finished(store, "first", {2: "failed"}, input_uri="s3://b/in.jsonl")
    retry = accepted(store, "again", retry_failed_of=first.job_id)
    stage(retry, store, ManualClock(NOW))
    put_answers(retry, store, {})
    needed = int(sum(info.size for info in store.list(first.layout.results)) * 0.1)
    free(needed - 1, monkeypatch)
    with pytest.raises(DiskFull, match=f"more than {needed} bytes"):
        publish(retry, store, ManualClock(NOW))
    free(needed, monkeypatch)
    assert publish(retry, store, ManualClock(NOW)).rows.input == 12


def test_other_errors_pass(tmp_path: Path) -> None:
    spec, _ = staged_job()
    with pytest.raises(PermissionError), within_space(spec, tmp_path):
        raise PermissionError(errno.EACCES, "no")
