"""The proof is created once: no other write touches it, and the first one stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.answered_jobs import NOW, answered, staged_job
from fakes.proofs import proof
from fakes.results import put_result
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ForeignManifest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import Reactions
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.publishing.proof import load_proof
from llmbatch.orchestrator.publishing.publish import publish


class _Recorded(MemoryStore):
    """Records the method of every write to one address."""

    def __init__(self, objects: dict[str, bytes], uri: str) -> None:
        super().__init__()
        self.objects, self._uri, self.writes = objects, uri, list[str]()

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        self._record(uri, "put")
        return super().put(uri, body)

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        self._record(uri, "create")
        before = list(self.writes)
        try:
            return super().create(uri, body)
        finally:
            self.writes = before  # MemoryStore creates through put

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        self._record(uri, "replace")
        return super().replace(uri, body, etag)

    def upload(self, uri: str, path: str) -> ObjectInfo:
        self._record(uri, "upload")
        return super().upload(uri, path)

    def _record(self, uri: str, method: str) -> None:
        if uri == self._uri:
            self.writes.append(method)


def test_create_is_the_only_write_of_the_proof() -> None:
    spec, plain = staged_job()
    answered(spec, plain)
    store = _Recorded(plain.objects, spec.layout.manifest)
    manifest = publish(spec, store, ManualClock(NOW))
    assert store.writes == ["create"]
    assert load_proof(spec, store) == manifest
    publish(spec, store, ManualClock(NOW))
    assert store.writes == ["create"]


class _Overtaken(MemoryStore):
    """Another process creates its proof just before this one does."""

    def __init__(self, objects: dict[str, bytes], spec: JobSpec, proof: bytes) -> None:
        super().__init__()
        self.objects, self._spec, self._proof = objects, spec, proof

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        if uri == "s3://b/out/manifest.json":
            self.objects.setdefault(self._spec.layout.manifest, self._proof)
        return super().put(uri, body)


def test_the_proof_of_another_process_stays_and_is_the_copy_beside_the_output() -> None:
    spec, plain = staged_job()
    answered(spec, plain)
    first = publish(spec, plain, ManualClock(NOW))
    proof = plain.objects.pop(spec.layout.manifest)
    store = _Overtaken(plain.objects, spec, proof)
    assert publish(spec, store, ManualClock(NOW + timedelta(minutes=5))) == first
    assert store.get(spec.layout.manifest) == store.get("s3://b/out/manifest.json") == proof


def test_another_job_s_manifest_that_comes_just_before_the_proof_is_not_copied() -> None:
    spec, plain = staged_job()
    answered(spec, plain)
    foreign = proof("job-ffffffffffffffff").model_dump_json().encode()
    store = _Overtaken(plain.objects, spec, foreign)
    with pytest.raises(ForeignManifest, match=spec.job_id):
        publish(spec, store, ManualClock(NOW))
    assert store.get(spec.layout.manifest) == foreign
    assert store.get("s3://b/out/manifest.json") != foreign


def test_an_unpublished_job_has_no_proof() -> None:
    assert load_proof(*staged_job()) is None


def test_the_proof_names_the_files_of_the_models_that_answered() -> None:
    spec, store = staged_job()
    reactions = Reactions(fallback_model="tiny")
    request = spec.request.model_copy(update={"reactions": reactions})
    spec = spec.model_copy(update={"request": request, "fallback_model_uri": "hub/tiny"})
    shards = answered(spec, store)
    for (shard_id, rows), (model, digest) in zip(
        shards.items(), (("hub/small", "sha256:a"), ("hub/tiny", "sha256:b"), ("hub/small", "sha256:a")), strict=True
    ):
        put_result(spec, store, shard_id, rows, model, digest)
    manifest = publish(spec, store, ManualClock(NOW))
    assert manifest.model.digest == "sha256:a"
    assert manifest.digests == {"small": ("sha256:a",), "tiny": ("sha256:b",)}


def test_a_model_that_was_replaced_while_the_job_ran_has_two_digests() -> None:
    spec, store = staged_job()
    for number, (shard_id, rows) in enumerate(answered(spec, store).items()):
        put_result(spec, store, shard_id, rows, "hub/small", f"sha256:{min(number, 1)}")
    manifest = publish(spec, store, ManualClock(NOW))
    assert manifest.model.digest is None
    assert manifest.digests == {"small": ("sha256:0", "sha256:1")}
