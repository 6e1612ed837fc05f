"""A job that a recorded version has left half done, finished by this one: driver, replicas, publish (ADR 21)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fakes.ray_servers import PATIENCE_SECONDS
from fakes.released import RELEASES, Release
from llmbatch.core.clock import SystemClock
from llmbatch.core.job_spec import parse_spec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import read_manifest
from llmbatch.core.progress import Progress
from llmbatch.core.states import ExitReason, Phase
from llmbatch.core.stored import read_document
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.s3.store import S3Store
from llmbatch.version import VERSION

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

EACH = pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)


def run(layout: JobLayout, cluster: dict[str, str], generation: int) -> tuple[int, str]:
    command = [sys.executable, "-m", "llmbatch.cluster", "--job", layout.root, "--generation", str(generation)]
    done = subprocess.run(command, env=cluster, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    return done.returncode, done.stdout + done.stderr


@EACH
def test_a_half_done_job_is_finished_and_proved(release: Release, store: S3Store, cluster: dict[str, str]) -> None:
    release.load(store)
    layout = release.job("half_done")
    spec = parse_spec(layout.root, store.get(layout.spec))
    before = {info.uri: info.etag for info in store.list(layout.results)}
    code, log = run(layout, cluster, generation=2)
    assert code == ExitReason.COMMITTED, log
    assert f"committed={len(before)} llmbatch={VERSION} accepted_by={release.version}" in log
    after = {info.uri: info.etag for info in store.list(layout.results)}
    assert (before.items() <= after.items(), len(before), len(after)) == (True, len(before), 6)
    progress = read_document(Progress, store.get(layout.progress))
    assert (progress.phase, progress.generation, progress.rows.succeeded) == (Phase.DONE, 2, 12)
    proof = publish(spec, store, SystemClock())
    assert (proof.rows.input, proof.rows.succeeded, proof.missing, proof.duplicates) == (12, 12, 0, 0)
    assert {shard.generation for shard in proof.shards} == {1, 2}
    assert read_manifest(layout, store) == proof


@EACH
def test_a_job_that_waits_is_run(release: Release, store: S3Store, cluster: dict[str, str]) -> None:
    release.load(store)
    layout = release.job("waiting")
    spec = parse_spec(layout.root, store.get(layout.spec))
    code, log = run(layout, cluster, generation=1)
    assert code == ExitReason.COMMITTED, log
    assert publish(spec, store, SystemClock()).rows.succeeded == 4
