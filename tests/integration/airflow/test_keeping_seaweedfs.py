"""Copies, deletions and conditional replacement on a real S3 server; a lost result comes back and proves its job."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from llmbatch.core.claims import claim
from llmbatch.core.clock import ManualClock, SystemClock
from llmbatch.core.config_sections import RetentionConfig
from llmbatch.core.control import Control
from llmbatch.core.errors import ObjectChanged, ObjectMissing, ReconcileError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.states import DesiredState
from llmbatch.core.store import ObjectInfo
from llmbatch.orchestrator.maintenance.backup import copy_jobs
from llmbatch.orchestrator.maintenance.removal import expire
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.stage import stage
from llmbatch.orchestrator.steering.control import request_state
from llmbatch.s3.store import S3Store

from .small_jobs import BUCKET, JSONL, ROWS, commit, job

pytestmark = pytest.mark.integration

INCLUDE = Path(__file__).parents[3] / "include"
SAFE = f"s3://{BUCKET}/backup/"


def finished_but_for_publish(store: S3Store, name: str) -> JobSpec:
    uri = f"s3://{BUCKET}/in/{name}.jsonl"
    store.put(uri, JSONL)
    spec = job(store, name, uri, shard_rows=300)
    store.put(spec.layout.spec, spec.model_dump_json().encode())
    for shard in stage(spec, store, SystemClock()).shards:
        commit(spec, store, shard.shard_id)
    return spec


def command(server: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Type a command as a person would, with the address of the S3 server in the environment."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(INCLUDE),
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "K",
        "AWS_SECRET_ACCESS_KEY": "S",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return subprocess.run(
        [sys.executable, "-m", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=600
    )


def result(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1].removeprefix("RESULT "))
    return found


def test_a_lost_result_is_restored_and_the_job_is_proved(store: S3Store, server: str) -> None:
    spec = finished_but_for_publish(store, "restored")
    safe = f"{SAFE}{spec.job_id}/"
    whole = {info.uri: info.etag for info in store.list(f"{spec.root_uri}/")}
    program = ("llmbatch.cli.backup", spec.root_uri, safe)
    assert result(command(server, *program))["copied"] == len(whole)
    lost = spec.layout.result_shard("shard-00003")
    store.delete(lost)
    with pytest.raises(ReconcileError, match="shard-00003"):
        publish(spec, store, SystemClock())
    report = copy_jobs(safe, spec.root_uri, store)
    assert (report.copied, report.skipped) == (1, len(whole) - 1)
    assert {info.uri: info.etag for info in store.list(f"{spec.root_uri}/")} == whole
    assert publish(spec, store, SystemClock()).rows.succeeded == ROWS


@pytest.mark.parametrize("size", [0, 100, 9 * 2**20], ids=["empty", "small", "in parts"])
def test_copies_are_of_one_version(store: S3Store, tmp_path: Path, size: int) -> None:
    path = tmp_path / "body"
    path.write_bytes(os.urandom(size))
    first = store.upload(f"s3://{BUCKET}/copies/{size}", str(path))
    copied = store.copy(first, f"s3://{BUCKET}/copies/to-{size}")
    assert copied.size == size
    assert copied.etag == first.etag or "-" in first.etag  # this server reckons the ETag of parts that it copies anew
    assert store.get(copied.uri) == path.read_bytes()
    with pytest.raises(ObjectChanged):
        store.copy(replace(first, etag="0" * 32 + first.etag[32:]), f"s3://{BUCKET}/copies/never")
    with pytest.raises(ObjectMissing):
        store.head(f"s3://{BUCKET}/copies/never")


def test_large_objects_are_proved_however_they_were_written(store: S3Store, tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(os.urandom(9 * 2**20))
    store.put(f"s3://{BUCKET}/large/one", path.read_bytes())
    store.upload(f"s3://{BUCKET}/large/parts", str(path))
    for copied in (2, 0):
        assert copy_jobs(f"s3://{BUCKET}/large", f"{SAFE}large", store).copied == copied


def test_only_the_version_that_was_read_is_replaced(store: S3Store) -> None:
    uri = f"s3://{BUCKET}/control"
    with pytest.raises(ObjectMissing):
        store.head(uri)
    with pytest.raises((ObjectChanged, ObjectMissing)):
        store.replace(uri, b"x", "0" * 32)
    old = store.create(uri, b"old")
    new = store.replace(uri, b"new", old.etag)
    with pytest.raises(ObjectChanged):
        store.replace(uri, b"late", old.etag)
    assert store.head(uri) == ObjectInfo(uri, new.etag, 3)
    store.delete(uri)
    store.delete(uri)
    with pytest.raises((ObjectChanged, ObjectMissing)):
        store.replace(uri, b"x", new.etag)


def test_of_many_who_ask_at_once_the_strongest_stays(store: S3Store) -> None:
    for round_number in range(5):
        spec = job(store, f"requested-{round_number}", store.put(f"s3://{BUCKET}/in/requested.jsonl", JSONL).uri)
        store.put(spec.layout.spec, b"{}")
        claim(store, spec.layout, owner="o", now=spec.created_at)
        requests = [DesiredState.DRAIN] * 7 + [DesiredState.CANCEL]

        def write(desired: DesiredState, spec: JobSpec = spec) -> Control:
            return request_state(spec.root_uri, desired, reason="r", by="me", store=store, clock=SystemClock())

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, requests))
        held = Control.model_validate_json(store.get(spec.layout.control))
        assert (held.desired, held.generation) == (DesiredState.CANCEL, 1)


def test_control_is_written_from_the_command_line(store: S3Store, server: str) -> None:
    spec = finished_but_for_publish(store, "told")
    found = result(command(server, "llmbatch.cli.control", spec.root_uri, "drain", "--reason", "for a test"))
    assert found == json.loads(store.get(spec.layout.control))
    assert (found["desired"], found["generation"], found["reason"]) == ("drain", None, "for a test")


def test_more_than_a_thousand_objects_expire(store: S3Store) -> None:
    base, job_id = f"s3://{BUCKET}/expiring", "job-00000000000000aa"
    names = [
        "spec.json",
        "manifest.json",
        "staged/manifest.json",
        *(f"staged/shard-{n:05d}.parquet" for n in range(1100)),
    ]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: store.put(f"{base}/jobs/{job_id}/{name}", b"{}"), names))
    store.put(f"{base}/jobs/{job_id}/manifest.json", json.dumps({"job_id": job_id}).encode())
    store.put(f"{base}/jobs/{job_id}-of-mine/x", b"{}")
    clock = ManualClock(SystemClock().now())
    limits = RetentionConfig(staged_days=1, jobs_days=2)
    counts = []
    for days, dry_run in itertools.product((0, 1, 1), (True, False)):
        clock.advance(days * 86400 * (not dry_run) + 60)
        counts.append(expire(store, base, limits, clock, dry_run=dry_run).amount.objects)
    left = [info.uri for info in store.list(f"{base}/")]
    assert left == [f"{base}/jobs/{job_id}-of-mine/x"]
    assert counts == [0, 0, 0, 1100, 0, 3]
